/** Keys in one file under a passphrase: what a lost machine was comes back, and only with it. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newMachine } from './machine.ts'
import { until } from './until.ts'

const alice = newMachine()
const bob = newMachine()
const again = newMachine()
const PASSPHRASE = 'five plain words of mine'
const UUID = '11111111-2222-4333-8444-555555555555'
const file = join(bob.root, 'work', 'keys.age')
const secret = (at: ReturnType<typeof newMachine>, words: string): string => {
  const path = join(at.root, 'tmp', 'passphrase')
  writeFileSync(path, `${words}\n`, { mode: 0o600 })
  return path
}
let me = ''
let digits: unknown

beforeAll(async () => {
  const [up] = (await alice.json('up', '--detach', '--port', '0')) as { invite: string }[]
  await bob.json('join', '-y', '--name', 'bob', up!.invite)
  me = String((await alice.json('members')).find(member => member.self)?.name)
  await bob.json('session', 'open', '--uuid', UUID, '--name', 'api', '--groups', 'core/backend')
  await bob.json('verify', me, '--confirm')
  await bob.json('send', me, 'before', '--as', 'api', '--wait', 'delivered')
  digits = (await bob.json('verify', me))[0]!.digits
})
afterAll(async () => {
  await again.remove()
  await bob.remove()
  await alice.remove()
})

describe('backup', () => {
  test('asks for a passphrase that is worth the name, and takes it from no argument', async () => {
    for (const [args, stdin] of [
      [['backup', file], ''],
      [['backup', file, '--passphrase-file', '-'], 'short\n'],
      [['backup', file, '--passphrase-file', '-'], ''],
      [['backup', file, '--passphrase-file', '/no/such/file'], ''],
      [['backup', file, '--passphrase', PASSPHRASE], ''],
    ] as const) {
      const { exit, stdout } = await bob.run(args, { stdin })
      expect({ args, exit, stdout }).toEqual({ args, exit: 2, stdout: '' })
    }
    expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined()
  })

  test('is one 0600 file that shows nothing of what is in it, and is never written over', async () => {
    const from = ['backup', file, '--passphrase-file', '-']
    expect((await bob.run(from, { stdin: `${PASSPHRASE}\n` })).exit).toBe(0)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const sealed = readFileSync(file)
    expect(sealed.subarray(0, 21).toString()).toBe('age-encryption.org/v1')
    for (const word of ['memberSeed', 'bob', 'before', UUID]) expect(sealed.includes(word)).toBe(false)
    expect((await bob.run(from, { stdin: `${PASSPHRASE}\n` })).exit).toBe(6)
    expect(readFileSync(file).equals(sealed)).toBe(true)
    const nobody = newMachine()
    expect((await nobody.run(['backup', 'x', '--passphrase-file', '-'], { stdin: PASSPHRASE })).exit).toBe(5)
    await nobody.remove()
  })
})

describe('restore', () => {
  const restore = (path: string, words: string) =>
    again.run(['restore', path, '--passphrase-file', secret(again, words)])

  test('refuses another passphrase, and a file that was cut, changed or is none; nothing is made of it', async () => {
    const sealed = readFileSync(file)
    const broken = (name: string, bytes: Uint8Array): string => {
      const path = join(again.root, 'tmp', name)
      writeFileSync(path, bytes)
      return path
    }
    const changed = Buffer.from(sealed)
    changed[changed.length - 40]! ^= 1
    expect((await restore(file, 'six plain words of somebody')).exit).toBe(4)
    for (const [path, exit] of [
      [broken('cut', sealed.subarray(0, -1)), 7],
      [broken('half', sealed.subarray(0, sealed.length / 2)), 7],
      [broken('head', sealed.subarray(0, 60)), 7],
      [broken('empty', new Uint8Array()), 7],
      [broken('changed', changed), 7],
      [broken('text', Buffer.from('not a backup')), 7],
      ['no-such-file', 5],
    ] as const)
      expect({ path, exit: (await restore(path, PASSPHRASE)).exit }).toEqual({ path, exit })
    expect(await again.json('mesh', 'list')).toEqual([])
  })

  test('waits for no running daemon, and puts nothing under one', async () => {
    const { exit, stderr } = await restore(file, PASSPHRASE)
    expect(exit).toBe(6)
    expect(stderr).toContain('claudemesh daemon stop')
    expect((await again.run(['daemon', 'stop'])).exit).toBe(0)
  })

  test('makes the member again, with its sessions and whom it verified; its messages begin a new line', async () => {
    // The machine is lost, and with it what stood in its outbox.
    await bob.run(['daemon', 'stop'])
    rmSync(bob.home, { recursive: true })
    await alice.json('send', 'bob', 'while you were away')

    expect((await restore(file, PASSPHRASE)).exit).toBe(0)
    const [mesh] = await again.json('mesh', 'list')
    expect(mesh).toMatchObject({ name: 'home', memberName: 'bob' })
    expect((await again.json('verify', me))[0]).toMatchObject({ digits, verified: true })
    expect(await again.json('session', 'list')).toMatchObject([{ uuid: UUID, name: 'api', open: false }])
    const inbox = await until('what was sent meanwhile', async () => {
      const mail = await again.json('inbox', '--peek')
      return mail.length > 0 ? mail : undefined
    })
    expect(inbox.map(({ text }) => text)).toEqual(['while you were away'])

    await again.json('session', 'open', '--uuid', UUID)
    await alice.json('inbox')
    for (const text of ['one', 'two'])
      await again.json('send', me, text, '--as', 'api', '--wait', 'delivered')
    // The first of its line: Alice waits for nothing that the lost machine had numbered.
    expect(await alice.json('inbox')).toMatchObject([
      { text: 'one', fromName: 'bob/api', warning: null, late: false },
      { text: 'two', fromName: 'bob/api', warning: null, late: false },
    ])
    expect(await again.run(['daemon', 'stop'])).toMatchObject({ exit: 0 })
    expect((await restore(file, PASSPHRASE)).exit).toBe(6)
  }, 60_000)
})
