import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newMachine } from './machine.ts'
import { until } from './until.ts'

const alice = newMachine()
const bob = newMachine()
let link = ''
beforeAll(async () => {
  const [up] = (await alice.json('up', '--detach', '--port', '0')) as { invite: string }[]
  link = up!.invite
})
afterAll(async () => {
  await bob.remove()
  await alice.remove()
})

describe('two homes', () => {
  test('meet by one link, which lets nobody else in', async () => {
    const [joined] = await bob.json('join', '-y', '--name', 'bob', link)
    expect(joined).toEqual({ mesh: 'home', role: 'member', member: expect.stringMatching(/^[\w-]{43}$/) })
    const third = newMachine()
    const { exit, stderr } = await third.run(['join', '-y', link])
    expect(exit).toBe(4)
    expect(stderr).toContain('used up')
    expect((await third.run(['join', link])).exit).toBe(2)
    await third.remove()
    expect((await alice.json('members')).map(member => member.name)).toContain('bob')
  })

  test('a message arrives, is answered, and its whole path can be seen', async () => {
    const [sent] = (await alice.json('send', 'bob', 'the tests are green', '--wait', 'delivered')) as {
      id: string
      recipients: { to: string; state: string }[]
    }[]
    expect(sent).toMatchObject({ recipients: [{ to: 'bob', state: 'delivered' }] })
    const [mail] = await bob.json('inbox')
    expect(mail).toMatchObject({
      id: sent!.id,
      text: 'the tests are green',
      replyTo: null,
      verified: false,
      sentAt: expect.any(Number),
      receivedAt: expect.any(Number),
    })
    expect(Object.keys(mail!).slice(0, 9)).toEqual([
      'id',
      'from',
      'fromName',
      'text',
      'sentAt',
      'receivedAt',
      'replyTo',
      'threadId',
      'verified',
    ])
    expect(await bob.json('inbox')).toEqual([])

    await bob.json('send', String(mail!.fromName), 'well done', '--reply-to', sent!.id)
    const follow = alice.start(['inbox', '--follow', '--json'])
    expect(JSON.parse(await follow.line())).toMatchObject({
      text: 'well done',
      fromName: 'bob',
      replyTo: sent!.id,
    })
    follow.child.kill('SIGINT')
    expect((await follow.finished).exit).toBe(130)

    const steps = await alice.json('trace', sent!.id)
    expect(steps.map(step => step.state)).toEqual(expect.arrayContaining(['accepted', 'delivered']))
    for (const step of steps) expect(Object.keys(step).slice(0, 4)).toEqual(['at', 'state', 'by', 'verified'])
  })

  test('text from stdin arrives as it was, and moves no cursor where it is shown', async () => {
    const text = 'line one\nline two \u001b[2J\u202e.'
    const { exit } = await alice.run(['send', 'bob', '-', '--wait', 'delivered'], { stdin: `${text}\n` })
    expect(exit).toBe(0)
    const { stdout } = await bob.run(['inbox', '--peek'])
    expect(stdout).toContain('line two ␛[2J<U+202E>.')
    expect(await bob.json('inbox')).toMatchObject([{ text }])
  })

  test('sessions are peers with a name, a status and mail of their own', async () => {
    const uuid = crypto.randomUUID()
    await bob.json('session', 'open', '--uuid', uuid, '--name', 'api', '--groups', 'backend')
    await bob.json('status', '--as', uuid, 'working')
    const [sent] = await alice.json('send', 'bob/api', 'for the session', '--wait', 'delivered')
    expect(sent).toMatchObject({ recipients: [{ to: 'bob/api', state: 'delivered' }] })
    expect(await bob.json('inbox', '--as', uuid)).toMatchObject([{ text: 'for the session' }])
    const seen = (await alice.json('peers', '--group', 'backend')).find(peer => peer.uuid === uuid)
    expect(seen).toMatchObject({ name: 'bob/api', status: 'working', online: true })
    expect(Object.keys(seen!).slice(0, 8)).toEqual([
      'name',
      'member',
      'session',
      'uuid',
      'status',
      'statusSource',
      'statusAt',
      'online',
    ])
    await bob.json('session', 'close', uuid)
  })

  test('who watches peers sees them come, change and go', async () => {
    const watch = alice.start(['peers', '--watch', '--json'])
    /** The next line told of this session. */
    const told = async (of: string): Promise<Record<string, unknown>> => {
      for (;;) {
        const line = JSON.parse(await watch.line()) as Record<string, unknown>
        if (line.uuid === of) return line
      }
    }
    const uuid = crypto.randomUUID()
    await bob.json('session', 'open', '--uuid', uuid, '--name', 'seen', '--groups', 'core/watch')
    expect(await told(uuid)).toMatchObject({ name: 'bob/seen', status: 'idle', gone: false })
    await bob.json('status', '--as', uuid, 'dnd')
    await bob.json('summary', '--as', uuid, 'not now')
    const changed = await told(uuid)
    expect(changed).toMatchObject({ status: 'dnd' })
    expect(changed.summary === 'not now' ? changed : await told(uuid)).toMatchObject({ summary: 'not now' })
    // A daemon that was killed and is back within the grace was never gone: the next line is of what it then says.
    const lease = async () => (await alice.json('peers')).find(each => each.uuid === uuid)?.lease
    process.kill(JSON.parse(readFileSync(join(bob.home, 'daemon.json'), 'utf8')).pid, 'SIGKILL')
    await expect.poll(lease, { timeout: 20_000 }).toBe('away')
    await bob.json('daemon', 'start')
    await expect.poll(lease, { timeout: 20_000 }).toBe('online')
    await bob.json('status', '--as', uuid, 'working')
    expect(await told(uuid)).toMatchObject({ status: 'working', lease: 'online', gone: false })
    const own = crypto.randomUUID()
    await alice.json('session', 'open', '--uuid', own, '--name', 'mine')
    expect(await told(own)).toMatchObject({ self: true, status: 'idle' })
    await alice.json('session', 'close', own)
    expect(await told(own)).toMatchObject({ status: 'closed' })
    expect((await alice.json('peers', '--group', '@core')).map(each => each.name)).toEqual(['bob/seen'])
    await bob.json('session', 'close', uuid)
    expect(await told(uuid)).toMatchObject({ status: 'closed', online: false })
    watch.child.kill('SIGINT')
    expect((await watch.finished).exit).toBe(130)
  })

  test('inside a launched session a command acts as that session, and as nobody else', async () => {
    const uuid = crypto.randomUUID()
    const [opened] = (await bob.json('session', 'open', '--uuid', uuid, '--name', 'inside')) as {
      tokenFile: string
    }[]
    const env = { CLAUDEMESH_SESSION: uuid, CLAUDEMESH_TOKEN_FILE: opened!.tokenFile }
    const me = String((await alice.json('members')).find(member => member.self)?.name)
    expect((await bob.run(['send', me, 'from inside', '--wait', 'delivered'], { env })).exit).toBe(0)
    expect((await alice.json('inbox')).map(({ fromName }) => fromName)).toEqual(['bob/inside'])
    for (const args of [['invite'], ['members'], ['send', me, 'hi', '--as', 'api'], ['session', 'list']]) {
      const { exit, stdout } = await bob.run(args, { env })
      expect({ args, exit, stdout }).toEqual({ args, exit: 4, stdout: '' })
    }
    await bob.json('session', 'close', uuid)
  })

  test('a launch leaves nothing of what it made for its client, also where the daemon refuses it', async () => {
    const env = { CLAUDE_BIN: '/bin/true' }
    const left = () => readdirSync(join(bob.home, 'run')).sort()
    const before = left()
    const refused = await bob.run(['launch', '--mesh', 'nowhere'], { env })
    expect({ exit: refused.exit, left: left() }).toEqual({ exit: 5, left: before })
    expect(refused.stderr).toMatch(/^claudemesh: [^\n]*nowhere[^\n]*\n$/)
    expect(await bob.run(['launch', '--name', 'brief'], { env })).toEqual({ exit: 0, stdout: '', stderr: '' })
    expect(left()).toEqual(before)
    expect(await bob.json('session', 'list')).toContainEqual(
      expect.objectContaining({ name: 'brief', open: false }),
    )
  })

  test('a hook that waits to wake the client is launched for a terminal alone', async () => {
    const client = join(bob.root, 'client')
    const says = 'case $(/bin/cat "$2/hooks/hooks.json") in *asyncRewake*) echo waits ;; *) echo none ;; esac'
    writeFileSync(client, `#!/bin/sh\nwhile [ "$1" != --plugin-dir ]; do shift; done\n${says}\n`, {
      mode: 0o700,
    })
    const launched = async (...args: string[]) =>
      (await bob.run(['launch', ...args], { env: { CLAUDE_BIN: client } })).stdout
    expect(await launched()).toBe('waits\n')
    expect(await launched('--', '-p', 'hi')).toBe('none\n')
    expect(await launched('--headless')).toBe('none\n')
  })

  test('an invite is shown once, as a link and as a picture of it', async () => {
    const { stdout } = await alice.run(['invite', '--qr'])
    expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/i\/[\w-]+#[\w-]+\n[\s\S]*[▀▄█]/)
    expect((await alice.run(['invite', 'list'])).stdout).not.toContain('#')
    const before = Date.now()
    const pairing = await alice.run(['pair'])
    expect(pairing.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/i\/[\w-]+#[\w-]+\n[\s\S]*[▀▄█]/)
    const ends = (await alice.json('invite', 'list')).map(each => Number(each.expiresAt) - before)
    expect(ends.filter(ms => ms > 0 && ms <= 600_000 + (Date.now() - before))).toHaveLength(1)
  })

  test('an unknown recipient is exit 5 with those there are, and nothing is sent', async () => {
    const { exit, stdout, stderr } = await alice.run(['send', 'bobby', 'hello'])
    expect({ exit, stdout }).toEqual({ exit: 5, stdout: '' })
    expect(stderr).toContain('bob')
    expect(await alice.json('outbox')).toEqual([])
  })

  test('verify shows both ends one number; who takes a verified name is stopped with exit 7 and what to do', async () => {
    const me = String((await alice.json('members')).find(member => member.self)?.name)
    expect((await alice.run(['peers'])).stdout).toMatch(/^bob\S* \(unverified\)/m)
    const [[atAlice], [atBob]] = [await alice.json('verify', 'bob'), await bob.json('verify', me)]
    expect(atAlice).toMatchObject({ name: 'bob', verified: false, verifiedAs: null })
    expect([atAlice!.digits, atAlice!.words]).toEqual([atBob!.digits, atBob!.words])
    expect(atAlice!.digits).toMatch(/^\d{5}( \d{5}){11}$/)
    const shown = (await alice.run(['verify', 'bob'])).stdout
    expect(shown.match(/\d{5}/g)?.join(' ')).toBe(atAlice!.digits)
    expect(shown.replace(/\s+/g, ' ')).toContain(atAlice!.words)
    expect((await alice.run(['verify', 'bob', '--confirm'])).stdout).toContain('Verified')
    expect((await alice.run(['send', 'bob', 'hello'])).stdout).toMatch(/^ {2}bob ✓ {2}/m)
    expect((await alice.run(['members'])).stdout).toMatch(/^bob ✓/m)

    const eve = newMachine()
    const [invite] = await alice.json('invite')
    await eve.json('join', '-y', '--name', 'bob', String(invite!.link))
    const [mesh] = (await eve.json('mesh', 'list')) as { member: string }[]
    await until('alice knows of her', async () => (await alice.json('members')).length === 3)
    const { exit, stdout, stderr } = await alice.run(['send', 'bob', 'secret'])
    expect({ exit, stdout }).toEqual({ exit: 7, stdout: '' })
    expect(stderr).toContain('verify --confirm')
    await eve.json('send', me, 'it is me')
    await until('her mail is there', async () => (await alice.json('inbox', '--peek')).length > 0)
    expect((await alice.run(['inbox'])).stdout).toMatch(/^bob \(NOT the key you verified\)/m)
    const key = stderr.match(/claudemesh remove (.*?) ·/)![1]!.split(' ')
    expect(mesh!.member.startsWith(key.at(-1)!)).toBe(true)
    await alice.json('remove', '-y', ...key)
    await eve.remove()
    expect((await alice.run(['send', 'bob', 'hello again'])).exit).toBe(0)
  })

  test('who is removed can send no more', async () => {
    await alice.json('remove', '-y', 'bob')
    const { exit } = await bob.run(['send', 'home', 'still here?'])
    expect([4, 5]).toContain(exit)
    expect((await alice.json('members')).map(member => member.name)).not.toContain('bob')
  })
})
