/** A home whose disk is full: said as such, nothing told that is not so, and all goes on when there is room. Linux and root only. */
import { CAN_FILL_DISKS, Disk, stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import type { StatusReply } from '../../src/api/schema.ts'
import type { Check } from '../../src/daemon/doctor.ts'
import { openStoreFile } from '../../src/daemon/store/store-file.ts'
import { homePaths } from '../../src/home/index.ts'
import { scratchFolder } from './scratch.ts'
import { admit, broker, machine } from './world.ts'

afterAll(stopSharedPostgres)

const DISK_BYTES = 48 << 20
const FULL = {
  code: 'internal',
  message: expect.stringContaining('disk that holds the claudemesh home is full'),
}

function smallDisk(): { home: string; disk: Disk } {
  const home = scratchFolder()
  const disk = new Disk(home, DISK_BYTES)
  onTestFinished(() => disk.unmount())
  return { home, disk }
}

test.skipIf(!CAN_FILL_DISKS)(
  'what cannot be stored is neither sent nor received until there is room',
  async () => {
    const { home, disk } = smallDisk()
    const server = await broker()
    const alice = await machine()
    await alice.call('createMesh', { body: { name: 'home', broker: server.url, memberName: 'alice' } })
    const bob = await machine(Date.now, home)
    await admit(alice, bob, 'bob')
    const storeProblems = async () =>
      (await bob.call<StatusReply>('status')).problems.filter(({ code }) => code === 'store')
    const diskCheck = async () => (await bob.call<Check[]>('doctor')).find(({ name }) => name === 'disk')

    expect((await diskCheck())?.ok).toBe(true)
    disk.fill()
    expect(await diskCheck()).toMatchObject({ ok: false, fix: expect.stringContaining('make room') })
    await expect(bob.send('alice', 'x'.repeat(60_000))).rejects.toMatchObject(FULL)
    expect(await bob.call('outbox')).toEqual([])

    const { recipients } = await alice.send('bob', 'y'.repeat(60_000), { wait: 'accepted' })
    expect(recipients).toMatchObject([{ state: 'accepted' }])
    while ((await storeProblems()).length === 0);
    expect(await bob.inbox()).toEqual([])

    const arrives = bob.next()
    disk.free()
    expect(await arrives).toMatchObject({ fromName: 'alice', text: 'y'.repeat(60_000) })
    expect((await bob.send('alice', 'there is room again')).recipients).toMatchObject([
      { state: 'delivered' },
    ])
    expect(await storeProblems()).toEqual([])
    expect(await alice.inbox()).toMatchObject([{ text: 'there is room again' }])
  },
)

test.skipIf(!CAN_FILL_DISKS)('a store that cannot be opened for want of room is not called damaged', () => {
  const { home, disk } = smallDisk()
  disk.fill()
  expect(() => openStoreFile(homePaths(home).store)).toThrow(expect.objectContaining(FULL))
})
