/** A roster that nobody has confirmed for 12 h is called so wherever who is there is shown or written to. */
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import type { MeshInfo, SendReply, StatusReply } from '../../src/api/schema.ts'
import type { Check } from '../../src/daemon/doctor.ts'
import { runDaemon } from '../../src/daemon/index.ts'
import { command } from './command.ts'
import { pair } from './world.ts'

afterAll(stopSharedPostgres)

const HOURS = 3_600_000

test('status, doctor, send and peers say since when; before that nobody does', async () => {
  const { server, alice, bob } = await pair()
  await bob.send('alice', 'a word')
  const since = async () => (await alice.call<StatusReply>('status')).meshes[0]!.unconfirmedSince
  const roster = async () =>
    (await alice.call<Check[]>('doctor')).find(({ name }) => name === 'home: roster')!
  expect([await since(), (await roster()).ok]).toEqual([null, true])
  const heard = Date.now()
  await alice.stop()
  await server.stop()

  const later = async (hours: number) => {
    const daemon = await runDaemon({ home: alice.home, now: () => Date.now() + hours * HOURS })
    onTestFinished(() => daemon.stop())
    return daemon
  }
  const soon = await later(11)
  expect(await since()).toBeNull()
  await soon.stop()
  await later(13)
  const at = (await since())!
  expect(Math.abs(at - heard)).toBeLessThan(HOURS)
  const [mesh] = await alice.call<MeshInfo[]>('meshes')
  expect(mesh!.unconfirmedSince).toBe(at)
  expect(await roster()).toMatchObject({ ok: false, message: expect.stringContaining('unconfirmed since') })
  const sent: SendReply = await alice.send('bob', 'anybody there?', { wait: 'none' })
  expect(sent.unconfirmedSince).toBe(at)
  const { stdout, stderr } = await command(alice, 'peers')
  expect(stdout).toContain('bob')
  expect(stderr).toContain('The roster of home is unconfirmed since')
})
