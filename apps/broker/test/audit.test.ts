/** The audit log as members see it: signed heads over committed leaves, proofs that verify, refusals counted, bodies to whom they concern. */
import {
  type Checkpoint,
  generateSigner,
  openCheckpoint,
  readLeafFields,
  rosterEntryHash,
  storedLeafHash,
  TreeFrontier,
  verifyConsistency,
  verifyInclusion,
} from '@claudemesh/crypto'
import { openDatabase } from '@claudemesh/db'
import { type AuditLeaf, type BrokerFrameOf, equalBytes } from '@claudemesh/protocol'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { readSettings, startBroker } from '../src/index.ts'
import {
  type Attached,
  append,
  attached,
  type Founded,
  foundMesh,
  greeted,
  type TestBroker,
  testBroker,
} from './test-broker.ts'
import { TestClock } from './test-clock.ts'
import { newEnvelope } from './test-envelope.ts'
import { newInvite } from './test-member.ts'
import { TestSocket } from './test-socket.ts'

const clock = new TestClock()
let broker: TestBroker
let founded: Founded
let alice: Attached
beforeAll(async () => {
  broker = await testBroker({ RATE_FRAMES: '1', RATE_FRAMES_BURST: '3000' }, clock)
})
afterAll(async () => {
  await broker.stop()
  await stopSharedPostgres()
})
beforeEach(async () => {
  founded = await foundMesh(broker, clock.now())
  alice = await attached(broker.port, founded.mesh, await founded.join(), clock.now())
})

const opened = (note: string): Checkpoint =>
  openCheckpoint(note, { mesh: founded.mesh.id, keys: [broker.brokerKey] })
/** The next signed head that a socket is told of. */
async function told(socket: TestSocket = alice.socket): Promise<Checkpoint> {
  clock.turn(5_000)
  return opened((await socket.next('checkpoint')).note)
}
const mail = () =>
  newEnvelope({
    mesh: founded.mesh.id,
    from: alice.session.recipient,
    to: [alice.session.recipient],
    now: clock.now(),
  })
async function page(socket: TestSocket, from: number, size: number): Promise<BrokerFrameOf<'audit'>> {
  const answer = await socket.ask({ type: 'audit.get', from, size })
  if (answer.type !== 'audit') throw new Error(JSON.stringify(answer))
  return answer
}
async function proof(asked: {
  size: number
  index?: number
  from?: number
}): Promise<BrokerFrameOf<'proof'>> {
  const answer = await alice.socket.ask({ type: 'audit.proof', ...asked })
  if (answer.type !== 'proof') throw new Error(JSON.stringify(answer))
  return answer
}
const code = (frame: { type: string }) => ('code' in frame ? frame.code : frame.type)
const typeOf = (leaf: AuditLeaf) => leaf.body?.type ?? (leaf.pruned ? 'pruned' : 'hidden')
const rootOf = (leaves: readonly AuditLeaf[]): Uint8Array => {
  const tree = new TreeFrontier()
  for (const { hash } of leaves) tree.push(hash)
  return tree.root()
}

describe('a checkpoint', () => {
  test('is signed within 10 s of activity, covers what is committed, and names the roster of that moment', async () => {
    const head = await told()
    expect([head.rosterSeq, head.size]).toEqual([founded.mesh.entries.length - 1, 5 + 1])
    const { leaves, checkpoints } = await page(founded.socket, 0, head.size)
    expect(equalBytes(rootOf(leaves), head.root)).toBe(true)
    expect(checkpoints.map(note => opened(note).size)).toEqual([head.size])
    for (const [index, leaf] of leaves.entries())
      expect(equalBytes(storedLeafHash({ ...leaf.body!, index }), leaf.hash)).toBe(true)
  })

  test('is a leaf itself, and calls for no other where nothing else happens', async () => {
    const first = await told()
    clock.turn(60_000)
    await alice.socket.ask({ type: 'ping', time: 0 })
    await alice.socket.send([mail()])
    const second = await told()
    expect(second.size).toBe(first.size + 2)
    const { leaves } = await page(founded.socket, first.size, second.size)
    expect(leaves.map(typeOf)).toEqual(['checkpoint', 'accepted'])
    expect(readLeafFields('checkpoint', leaves[0]!.body!.fields)).toEqual({
      size: first.size,
      root: first.root,
    })
    expect(alice.socket.unasked('checkpoint')).toEqual([])
  })

  test('stands in welcome, and the one of a stopping broker covers its last leaf', async () => {
    const own = await testBroker({}, clock)
    const there = await foundMesh(own, clock.now())
    await attached(own.port, there.mesh, await there.join(), clock.now())
    await own.stop()
    const again = await startBroker(
      readSettings({ ...own.env, PUBLIC_HOSTS: `127.0.0.1:${own.port}` }),
      clock,
    )
    onTestFinished(() => again.stop())
    const socket = await TestSocket.open(again.port)
    // The host that was founded on is the one that is named: the roster does not know this port.
    Object.assign(socket, { host: `127.0.0.1:${own.port}` })
    const welcome = await socket.hello(there.mesh.owner.signer, there.mesh.id)
    if (welcome.type !== 'welcome') throw new Error(JSON.stringify(welcome))
    const head = openCheckpoint(welcome.checkpoint!, { mesh: there.mesh.id, keys: [again.brokerKey] })
    const { leaves } = await page(socket, 0, head.size)
    expect(leaves.map(typeOf)).toEqual([
      'roster',
      'roster',
      'roster',
      'roster',
      'invite-used',
      'attached',
      'detached',
    ])
  })

  test('is not signed over a log that is no longer the one that was signed', async () => {
    const own = await testBroker({}, clock)
    const there = await foundMesh(own, clock.now())
    clock.turn(5_000)
    await there.socket.next('checkpoint')
    await own.stop()
    const owner = await openDatabase({ url: own.databaseUrl })
    await owner.sql.unsafe(`alter table mesh.audit_leaf disable trigger all;
      update mesh.audit_leaf set hash = sha256(hash) where index = 1`)
    await owner.close()
    const again = await startBroker(
      readSettings({ ...own.env, LOG_LEVEL: 'silent', BROKER_PORT: String(own.port) }),
      clock,
    )
    onTestFinished(() => again.stop())
    const socket = await greeted(again.port, there.mesh, there.mesh.owner)
    await append(socket, there.mesh, newInvite(there.mesh, clock.now()).entry)
    clock.turn(5_000)
    await socket.ask({ type: 'ping', time: 0 })
    clock.turn(5_000)
    await socket.ask({ type: 'roster.get', from: 0 })
    expect(socket.unasked('checkpoint')).toEqual([])
  })
})

describe('a proof', () => {
  test('shows that an accepted envelope stands in the log, with the body to its sender', async () => {
    const { results } = await alice.socket.send([mail(), mail()])
    const head = await told()
    const { auditIndex: index, at, id, seq } = results[1]!
    const { hashes, leaf } = await proof({ index, size: head.size })
    const inclusion = { index, size: head.size, leaf: leaf!.hash, path: hashes, root: head.root }
    expect(verifyInclusion(inclusion)).toBe(true)
    expect(equalBytes(storedLeafHash({ ...leaf!.body!, index }), leaf!.hash)).toBe(true)
    expect(leaf!.body!.at).toBe(at)
    expect(readLeafFields('accepted', leaf!.body!.fields)).toMatchObject({
      id,
      seq,
      from: alice.session.recipient,
    })
  })

  test('shows that each head begins every later one, over stored subtrees too', async () => {
    const heads = [await told()]
    for (let round = 0; round < 3; round++) {
      await alice.socket.send(Array.from({ length: 200 }, mail))
      heads.push(await told())
    }
    for (const [i, older] of heads.entries())
      for (const newer of heads.slice(i)) {
        const { hashes } = await proof({ from: older.size, size: newer.size })
        const consistency = {
          old: older.size,
          size: newer.size,
          oldRoot: older.root,
          root: newer.root,
          path: hashes,
        }
        expect(verifyConsistency(consistency)).toBe(true)
      }
    const { leaves } = await page(founded.socket, 0, heads.at(-1)!.size)
    expect(equalBytes(rootOf(leaves), heads.at(-1)!.root)).toBe(true)
  })

  test('is refused where nobody signed so many leaves, and of what no tree has', async () => {
    const { size } = await told()
    const ask = async (asked: object) => {
      const answer = await alice.socket.ask({ type: 'audit.proof', size, ...asked })
      return answer.type === 'error' ? `${answer.code} ${answer.field}` : answer.type
    }
    expect(await ask({ index: 0, size: size + 1 })).toBe('bad-field size')
    expect(await ask({ index: 0, size: 0 })).toBe('bad-field size')
    expect(await ask({ index: size })).toBe('bad-field index')
    expect(await ask({ from: 0 })).toBe('bad-field from')
    expect(await ask({ from: size + 1 })).toBe('bad-field from')
    expect(await ask({})).toBe('bad-field index')
    expect(await ask({ index: 0, from: 1 })).toBe('bad-field index')
  })
})

test('bodies are shown to the owner, and to a member its own and what every member knows', async () => {
  const bob = await attached(broker.port, founded.mesh, await founded.join(), clock.now())
  await alice.socket.send([mail()])
  const head = await told()
  const types = async (socket: TestSocket) => (await page(socket, 0, head.size)).leaves.map(typeOf)
  const all = ['roster', 'roster', 'roster', 'roster', 'invite-used', 'attached']
  expect(await types(founded.socket)).toEqual([...all, 'roster', 'invite-used', 'attached', 'accepted'])
  expect(await types(alice.socket)).toEqual([...all, 'roster', 'hidden', 'hidden', 'accepted'])
  const bobs = await types(bob.socket)
  expect(bobs.slice(4)).toEqual(['hidden', 'hidden', 'roster', 'invite-used', 'attached', 'hidden'])
})

describe('what was refused', () => {
  /** Leaves of this type, once the minute's are written and signed. */
  const refusals = async (type: 'auth-refused' | 'invite-refused' | 'limited') => {
    clock.turn(60_000)
    for (;;) {
      clock.turn(5_000)
      await founded.socket.ask({ type: 'ping', time: 0 })
      const newest = founded.socket.unasked('checkpoint').at(-1)
      if (!newest) continue
      const { leaves } = await page(founded.socket, 0, opened(newest.note).size)
      const found = leaves.flatMap(({ body }) =>
        body?.type === type ? [readLeafFields(type, body.fields)] : [],
      )
      if (found.length > 0) return found
    }
  }
  const refused = async (work: (socket: TestSocket) => Promise<{ type: string }>) => {
    const socket = await TestSocket.open(broker.port)
    expect(code(await work(socket))).not.toBe('welcome')
    await socket.closed
  }

  test('is one leaf for an address, a reason and a minute, with a count and without the address', async () => {
    for (let i = 0; i < 3; i++) await refused(socket => socket.hello(generateSigner(), founded.mesh.id))
    const { mesh } = await foundMesh(broker, clock.now())
    await refused(socket => socket.hello(generateSigner(), mesh.id))
    await refused(socket => socket.hello(generateSigner(), new Uint8Array(32)))
    const [leaf, ...more] = await refusals('auth-refused')
    expect(more).toEqual([])
    expect(leaf).toEqual({ address: expect.any(Uint8Array), why: 'unauthenticated', count: 3 })
    expect((leaf!.address as Uint8Array).length).toBe(16)
  })

  test('names the invite that was used up or was not held', async () => {
    const invite = newInvite(founded.mesh, clock.now())
    await append(founded.socket, founded.mesh, invite.entry)
    await refused(socket => socket.helloInvite(invite.code, generateSigner()))
    await refused(socket => socket.helloInvite(new Uint8Array(16), generateSigner()))
    const leaves = await refusals('invite-refused')
    expect(leaves.map(({ why, count }) => [why, count])).toEqual([['unauthenticated', 1]])
    expect(leaves[0]!.invite).toEqual(rosterEntryHash(invite.entry))
  })

  test('tells who came too fast', async () => {
    const fast = await attached(broker.port, founded.mesh, await founded.join(), clock.now())
    const answers = await Promise.all(
      Array.from({ length: 310 }, () =>
        fast.socket.ask({ type: 'roster.append', entry: founded.mesh.entries[1]!, copies: null }),
      ),
    )
    const limited = answers.filter(answer => code(answer) === 'rate').length
    expect(limited).toBeGreaterThan(0)
    await expect(refusals('limited')).resolves.toEqual([
      { address: expect.any(Uint8Array), why: 'frames', count: limited },
    ])
  })
})

test('an address has another name in another mesh, and is folded away where there are too many', async () => {
  const { Refusals } = await import('../src/audit/refusals.ts')
  const refusals = new Refusals(new Uint8Array(32))
  const note = (mesh: number, address: string) =>
    refusals.note({ type: 'auth-refused', mesh: new Uint8Array(32).fill(mesh), address, why: 'removed' })
  note(1, '10.0.0.1')
  note(2, '10.0.0.1')
  const [one, two] = refusals.take()
  expect(equalBytes(one!.address!, two!.address!)).toBe(false)
  for (let i = 0; i < 100; i++) note(1, `10.0.1.${i}`)
  const rows = refusals.take()
  expect([rows.length, rows.filter(row => row.address === null).map(row => row.count)]).toEqual([65, [36]])
})
