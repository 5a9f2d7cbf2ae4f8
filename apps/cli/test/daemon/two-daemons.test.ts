import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { admit, broker, type Machine, machine, pair, readToken } from './world.ts'

afterAll(stopSharedPostgres)

const UUID = '11111111-2222-4333-8444-555555555555'
const OTHER = '22222222-2222-4333-8444-555555555555'
const states = (sent: { recipients: { to: string; state: string }[] }) =>
  sent.recipients.map(each => `${each.to} ${each.state}`)
const texts = (messages: { text: string }[]) => messages.map(message => message.text)

describe('a message', () => {
  test('is delivered, read once, answered, and its path is told by those who know', async () => {
    const { alice, bob } = await pair()
    const sent = await alice.send('bob', 'hello')
    expect([states(sent), sent.reached]).toEqual([['bob delivered'], true])
    const [mail] = await bob.inbox({ peek: true })
    expect(mail).toMatchObject({
      id: sent.id,
      text: 'hello',
      fromName: 'alice',
      to: 'bob',
      verified: false,
      state: 'unread',
    })
    expect(texts(await bob.inbox())).toEqual(['hello'])
    expect(await bob.inbox()).toEqual([])
    expect((await bob.inbox({ all: true })).map(each => each.state)).toEqual(['read'])

    const answer = await bob.send(mail!.fromName, 'yes', { replyTo: mail!.id, wait: 'accepted' })
    expect(await alice.next()).toMatchObject({ text: 'yes', replyTo: sent.id, id: answer.id })
    const path = async () => (await alice.trace(sent.id)).map(step => `${step.state} ${step.by}`)
    // What is told of an answer is a message of its own behind it.
    await expect
      .poll(path)
      .toEqual(['pending this machine', 'accepted broker', 'delivered bob', 'answered bob'])
    expect((await alice.trace(sent.id)).at(-1)!.verified).toBe(true)
  })

  test('a session whose opener is answered before it is attached is attached all the same', async () => {
    const { alice, bob } = await pair()
    await bob.open(OTHER, { name: 'api', until: 'open' })
    await until(alice, peers => peers.some(peer => peer.name === 'bob/api' && peer.online))
    expect(states(await alice.send('bob/api', 'in'))).toEqual(['bob/api delivered'])
    expect(states(await bob.send('alice', 'out', { as: 'api' }))).toEqual(['alice delivered'])
  })

  test('to a group, to all and to one named twice comes once to each, and not to who speaks', async () => {
    const { alice, bob } = await pair()
    await alice.open(UUID, { name: 'web', groups: ['front'] })
    await bob.open(OTHER, { name: 'api', groups: ['back'] })
    await bob.open('33333333-2222-4333-8444-555555555555', { name: 'db', groups: ['back', '@front'] })
    await until(alice, peers => peers.filter(peer => peer.name.startsWith('bob/')).length === 2)
    const as = { as: 'web' }
    expect(states(await alice.send('@back bob/api', 'a', as)).sort()).toEqual([
      'bob/api delivered',
      'bob/db delivered',
    ])
    expect(states(await alice.send('@front', 'b', as))).toEqual(['bob/db delivered'])
    expect(states(await alice.send('@all', 'c', as)).sort()).toEqual([
      'bob/api delivered',
      'bob/db delivered',
    ])
    expect(texts(await bob.inbox({ as: 'api' }))).toEqual(['a', 'c'])
    expect(texts(await bob.inbox({ as: 'db' }))).toEqual(['a', 'b', 'c'])
  })

  test('written while the broker is down waits, says so, and arrives when it is back', async () => {
    const { server, alice, bob } = await pair()
    await server.stop()
    const sent = await alice.send('bob', 'later', { wait: 'accepted', timeoutMs: 50 })
    expect([states(sent), sent.reached]).toEqual([['bob pending'], false])
    expect(sent.recipients[0]!.why).toEqual(expect.any(String))
    expect(await alice.call('outbox')).toMatchObject([{ id: sent.id, text: 'later', dead: false }])
    const arrives = bob.next()
    await server.start()
    expect(await arrives).toMatchObject({ id: sent.id, text: 'later' })
  })

  test('written to nobody there is not sent, and the answer names who there is', async () => {
    const { alice } = await pair()
    await expect(alice.send('bbo', 'x')).rejects.toMatchObject({
      code: 'not-found',
      field: 'to',
      facts: { candidates: ['alice', 'bob'] },
    })
    await expect(alice.send('@nobody', 'x')).rejects.toMatchObject({ code: 'not-found' })
    await expect(alice.send('alice', 'x')).rejects.toMatchObject({ code: 'usage' })
    expect(await alice.call('outbox')).toEqual([])
  })
})

describe("the person's mail", () => {
  test('goes to the session that was active last, and to the next one when that closes', async () => {
    const { alice, bob } = await pair()
    await bob.open(UUID, { name: 'api' })
    await bob.open(OTHER, { name: 'web' })
    await alice.send('bob', 'one')
    expect(texts(await bob.inbox({ as: 'web', peek: true }))).toEqual(['one'])
    expect(await bob.inbox({ as: 'api' })).toEqual([])
    await bob.call('closeSession', { params: { uuid: 'web' } })
    expect(texts(await bob.inbox({ as: 'api' }))).toEqual(['one'])
    expect(await bob.inbox()).toEqual([])
  })

  test('waits for the next session where none is open', async () => {
    const { alice, bob } = await pair()
    await alice.send('bob', 'one')
    await bob.open(UUID, { name: 'api' })
    expect(texts(await bob.inbox({ as: 'api' }))).toEqual(['one'])
  })
})

describe('a session', () => {
  test('has the same key for ever; closed, its mail is stored and its sender told; open again, it has all of it in order', async () => {
    const { alice, bob } = await pair()
    const first = await bob.open(UUID, { name: 'api' })
    await until(alice, peers => peers.some(peer => peer.name === 'bob/api'))
    await bob.call('closeSession', { params: { uuid: 'api' } })
    expect(existsSync(first.tokenFile)).toBe(false)
    await until(alice, peers =>
      peers.some(peer => peer.name === 'bob/api' && peer.status === 'closed' && !peer.online),
    )
    let last = ''
    for (let n = 1; n <= 10; n++) last = (await alice.send('bob/api', `mail ${n}`)).id
    await told(alice, last, 'held')
    await bob.stop()
    await bob.start()
    const again = await bob.open(UUID)
    expect([again.session, again.name]).toEqual([first.session, 'api'])
    expect(texts(await bob.inbox({ as: UUID }))).toEqual(
      Array.from({ length: 10 }, (_, n) => `mail ${n + 1}`),
    )
  })

  test('stays open over a restart of the daemon, with the token it was given', async () => {
    const { bob } = await pair()
    const { tokenFile } = await bob.open(UUID, { name: 'api' })
    const token = await readToken(tokenFile)
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600)
    await bob.stop()
    await bob.start()
    expect(await readToken(tokenFile)).toBe(token)
    const [session] = await bob.call<{ open: boolean; status: string }[]>('sessions')
    expect(session).toMatchObject({ open: true, status: 'idle' })
  })

  test('closes when its process ends, also one that ended while the daemon was away', async () => {
    const { bob } = await pair()
    const sleep = () => {
      const child = spawn('sleep', ['1000'])
      onTestFinished(() => void child.kill('SIGKILL'))
      return child
    }
    const [one, two] = [sleep(), sleep()]
    await bob.open(UUID, { name: 'one', pid: one.pid })
    await bob.open(OTHER, { name: 'two', pid: two.pid })
    await expect(bob.open(OTHER, { pid: one.pid })).rejects.toMatchObject({ code: 'conflict' })
    const open = async () => {
      const all = await bob.call<{ name: string; open: boolean }[]>('sessions')
      return all.filter(each => each.open).map(each => each.name)
    }
    expect(await open()).toEqual(['one', 'two'])
    one.kill('SIGKILL')
    await once(one, 'exit')
    await expect.poll(open, { timeout: 10_000 }).toEqual(['two'])
    await bob.stop()
    two.kill('SIGKILL')
    await once(two, 'exit')
    await bob.start()
    expect(await open()).toEqual([])
    await expect(bob.open(UUID, { pid: one.pid })).rejects.toMatchObject({ code: 'usage', field: 'pid' })
  })

  test('cannot take the name of another open one, and takes over that of a closed one', async () => {
    const { alice, bob } = await pair()
    await bob.open(UUID, { name: 'api' })
    await expect(bob.open(OTHER, { name: 'api' })).rejects.toMatchObject({ code: 'conflict', field: 'name' })
    expect((await bob.open(OTHER, { directory: '/work/api' })).name).toBe('api-2')
    await bob.call('closeSession', { params: { uuid: UUID } })
    await bob.open(OTHER, { name: 'api' })
    await until(alice, peers => peers.filter(peer => peer.name === 'bob/api').length === 2)
    await until(alice, peers => peers.some(peer => peer.uuid === UUID && peer.status === 'closed'))
    await alice.send('bob/api', 'to the open one')
    expect(texts(await bob.inbox({ as: OTHER }))).toEqual(['to the open one'])
  })

  test('that must not be disturbed is told only what is urgent; the rest is held', async () => {
    const { alice, bob } = await pair()
    const { tokenFile } = await bob.open(UUID, { name: 'api' })
    await bob.call('presence', { body: { as: 'api', status: 'dnd' } })
    const token = await readToken(tokenFile)
    await bob.call('setStatus', { token, body: { session_id: UUID, status: 'working' } })
    const [session] = await bob.call<{ status: string; statusSource: string }[]>('sessions')
    expect(session).toMatchObject({ status: 'dnd', statusSource: 'manual' })
    await until(alice, peers => peers.some(peer => peer.name === 'bob/api' && peer.status === 'dnd'))
    const { id } = await alice.send('bob/api', 'whenever')
    await told(alice, id, 'held')
  })
})

describe('a mesh', () => {
  test('is joined by a link that is looked at first, and once', async () => {
    const server = await broker()
    const [alice, bob] = [await machine(), await machine()]
    await alice.call('createMesh', { body: { name: 'team', broker: server.url, memberName: 'alice' } })
    const { link, id } = await alice.call<{ link: string; id: string }>('createInvite', { body: { uses: 2 } })
    expect(await bob.call('joinPreview', { body: { link } })).toMatchObject({
      mesh: 'team',
      inviter: 'alice',
      role: 'member',
    })
    await bob.call('join', { body: { link, name: 'bob' } })
    await expect(bob.call('join', { body: { link, name: 'bob' } })).rejects.toMatchObject({
      code: 'conflict',
    })
    expect(await alice.call('invites')).toMatchObject([{ id, used: 1, state: 'open' }])
    await alice.call('revokeInvite', { params: { id: id.slice(0, 10) } })
    const carol = await machine()
    await expect(carol.call('join', { body: { link } })).rejects.toMatchObject({ code: expect.any(String) })
    expect(await carol.call('meshes')).toEqual([])
    expect(await carol.call('status')).toMatchObject({ meshes: [], problems: [] })
  })

  test('tells a link that was used up, revoked, expired or voided from another, and none lets anybody in', async () => {
    const { alice } = await pair()
    const invite = (more = {}) =>
      alice.call<{ link: string; id: string; expiresAt: number }>('createInvite', {
        body: { uses: 1, ...more },
      })
    const [used, revoked, short, open] = [
      await invite(),
      await invite(),
      await invite({ expiresMs: 1000 }),
      await invite(),
    ]
    const carol = await machine()
    await carol.call('join', { body: { link: used.link, name: 'carol' } })
    await alice.call('revokeInvite', { params: { id: revoked.id } })
    await expect.poll(() => Date.now() > short.expiresAt, { timeout: 10_000 }).toBe(true)
    const dave = await machine()
    const joining = (link: string) => dave.call('join', { body: { link, name: 'dave' } })
    const refusal = (code: string, words: string) => ({ code, message: expect.stringContaining(words) })
    await expect(joining(used.link)).rejects.toMatchObject(refusal('forbidden', 'used up'))
    await expect(joining(revoked.link)).rejects.toMatchObject(refusal('forbidden', 'revoked'))
    await expect(joining(short.link)).rejects.toMatchObject(refusal('expired', 'expired'))
    await alice.call('removeMember', { params: { member: 'carol' } })
    await expect(joining(open.link)).rejects.toMatchObject(refusal('forbidden', 'void'))
    const unknown = open.link.replace(/\/i\/.{22}/, `/i/${'A'.repeat(22)}`)
    await expect(joining(unknown)).rejects.toMatchObject(refusal('not-found', 'No such invite'))
    expect(await dave.call('meshes')).toEqual([])
  })

  test('lets in just as many as the link is for, however many try at one moment', async () => {
    const { alice } = await pair()
    const { link } = await alice.call<{ link: string }>('createInvite', { body: { uses: 2 } })
    const guests = await Promise.all(Array.from({ length: 5 }, () => machine()))
    const tries = await Promise.allSettled(
      guests.map((guest, n) => guest.call('join', { body: { link, name: `guest ${n}` } })),
    )
    const lost = tries.flatMap(each => (each.status === 'rejected' ? [each.reason] : []))
    expect(lost).toHaveLength(3)
    for (const why of lost)
      expect(why).toMatchObject({ code: 'forbidden', message: expect.stringContaining('used up') })
    for (const [n, each] of tries.entries())
      expect(await guests[n]!.call<object[]>('meshes')).toHaveLength(each.status === 'fulfilled' ? 1 : 0)
    await expect.poll(async () => (await alice.call<object[]>('members')).length, { timeout: 10_000 }).toBe(4)
  })

  test('is left for good: no key, no message of it stays; who was removed is told so', async () => {
    const { alice, bob } = await pair()
    const carol = await machine()
    await admit(alice, carol, 'carol')
    await alice.send('carol', 'hello')
    await carol.call('leaveMesh', { params: { mesh: 'home' } })
    expect([await carol.call('meshes'), await carol.inbox({ all: true })]).toEqual([[], []])
    await alice.call('removeMember', { params: { member: 'bob' } })
    await expect.poll(async () => (await bob.call<{ state: string }[]>('meshes'))[0]?.state).toBe('removed')
    await expect(bob.send('alice', 'x')).rejects.toMatchObject({ code: 'removed' })
    expect((await alice.call<{ name: string }[]>('members')).map(each => each.name)).toEqual(['alice'])
  })

  test('is named where there are several', async () => {
    const { server, alice } = await pair()
    await alice.call('createMesh', { body: { name: 'work', broker: server.url, memberName: 'alice' } })
    await expect(alice.send('bob', 'x')).rejects.toMatchObject({ code: 'ambiguous', field: 'mesh' })
    expect(states(await alice.send('bob', 'x', { mesh: 'home' }))).toEqual(['bob delivered'])
  })

  test('that no broker answers for is not founded, and nothing of it stays', async () => {
    const alice = await machine()
    const founding = alice.call('createMesh', { body: { name: 'a', broker: 'http://127.0.0.1:1' } })
    await expect(founding).rejects.toMatchObject({ code: 'unreachable' })
    expect(await alice.call('meshes')).toEqual([])
  })
})

/** Resolves when Alice's peers are so; asked again as fast as she answers. */
async function until(
  from: Machine,
  isSo: (peers: Awaited<ReturnType<Machine['peers']>>) => boolean,
): Promise<void> {
  await expect.poll(async () => isSo(await from.peers()), { timeout: 10_000 }).toBe(true)
}

/** Resolves when the sender knows that the message came to this state. */
async function told(from: Machine, id: string, state: string): Promise<void> {
  await expect.poll(async () => (await from.trace(id)).at(-1)?.state, { timeout: 10_000 }).toBe(state)
}
