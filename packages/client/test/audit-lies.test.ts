/** A broker that lies about its audit log, each lie found with a message of its own; and members who find by talking that they were shown two. */
import { encodeFields, generateSigner, type Signer, signRosterEntry } from '@claudemesh/crypto'
import { type AcceptedResult, MeshError, TIMES } from '@claudemesh/protocol'
import { beforeEach, describe, expect, test } from 'vitest'
import { assembleCore } from '../src/assemble.ts'
import { proveAccepted } from '../src/audit/accepted.ts'
import { AuditFollower } from '../src/audit/follow.ts'
import { newestRestore } from '../src/audit/restored.ts'
import type { Link } from '../src/connection/link.ts'
import { applyResult } from '../src/outbox/answered.ts'
import { compose, deliver, forSide, offline, type Side, seal, shown } from './offline.ts'
import { TestLog } from './test-log.ts'

let key: Signer
let alice: Side
let bob: Side
let clock: { now: number }
let log: TestLog
beforeEach(async () => {
  const world = await offline(2)
  ;({ clock } = world)
  key = world.brokerKey
  ;[alice, bob] = world.sides as [Side, Side]
  log = new TestLog().grow(12)
})

/** Follows the log for one side, over whatever connection is put in place. */
function following(side: Side) {
  const told: { halted: MeshError | null; problems: string[]; link: Link | null } = {
    halted: null,
    problems: [],
    link: null,
  }
  const follower = new AuditFollower(side.core, {
    link: () => told.link,
    halt: error => {
      told.halted ??= error
    },
    problem: (code, message) => told.problems.push(`${code}: ${message}`),
  })
  const connect = async (link: Link): Promise<string> => {
    told.link = link
    return follower.up(link).then(
      () => 'followed',
      error => {
        if (!(error instanceof MeshError)) throw error
        return `${error.code} ${error.message}`
      },
    )
  }
  /** Everything that is under way has come to rest. */
  const settled = () => follower.prove('none').catch(() => {})
  return { follower, told, connect, settled }
}
const connectTo = (side: Side, of: TestLog, size?: number) =>
  following(side).connect(of.link(of.note(side, key, size)))
const pinned = (side: Side) => side.core.audit.pinned?.checkpoint.size
/** Mail from one side to the other: what it carries is heard. */
async function say(from: Side, to: Side): Promise<void> {
  const msg = compose(from, [to], 'hello')
  await deliver(to, forSide(seal(from, [to], msg), to))
}

describe('an honest log', () => {
  test('is followed from head to head, and the pin outlives a restart', async () => {
    expect(await connectTo(alice, log)).toBe('followed')
    log.grow(300)
    expect(await connectTo(alice, log)).toBe('followed')
    const { identity } = alice.core
    const again = assembleCore(
      { identity, store: alice.store, now: () => clock.now, log: () => {}, schedule: () => () => {} },
      () => {},
    )
    expect(again.audit.pinned?.checkpoint.size).toBe(312)
  })

  test('of which peers were shown other heads, older and newer, is one log', async () => {
    await connectTo(alice, log, 5)
    await connectTo(bob, log, 9)
    await say(alice, bob)
    await say(bob, alice)
    expect([alice.core.audit.heard.length, bob.core.audit.heard.length]).toEqual([1, 1])
    expect([await connectTo(alice, log, 7), await connectTo(bob, log, 9)]).toEqual(['followed', 'followed'])
    // Whoever was shown more is followed: the broker signed it, and proves it.
    expect([pinned(alice), pinned(bob)]).toEqual([9, 9])
    expect([alice.core.audit.heard, bob.core.audit.heard]).toEqual([[], []])
  })
})

test('a head that is told before the one of welcome was looked at is no lie', async () => {
  const { follower, told, connect } = following(alice)
  const link = log.link(log.note(alice, key))
  log.grow(3)
  told.link = link
  follower.told(log.note(alice, key))
  expect(await connect(link)).toBe('followed')
  await expect.poll(() => pinned(alice)).toBe(15)
  expect(told.halted).toBeNull()
})

describe('a lie of the broker', () => {
  beforeEach(() => connectTo(alice, log))

  test.each<[string, () => Link, RegExp]>([
    ['no log any more', () => log.link(null), /shows no log, and signed one of 12 leaves/],
    [
      'a cut tail',
      () => log.link(log.note(alice, key, 8)),
      /shorter than the one it signed before \(8 leaves, not 12\)/,
    ],
    [
      'another log of the same length',
      () => {
        const other = log.fork(4).grow(8)
        return other.link(other.note(alice, key))
      },
      /another one than it signed before \(12 leaves then, 12 now\)/,
    ],
    [
      'a longer log in which a leaf was changed',
      () => {
        const other = log.fork(4).grow(20)
        return other.link(other.note(alice, key))
      },
      /another one than it signed before \(12 leaves then, 24 now\)/,
    ],
    [
      'a head with a forged signature',
      () => log.grow(1).link(log.note(alice, generateSigner())),
      /a checkpoint that its key did not sign/,
    ],
    [
      'a head of another mesh',
      () => log.link(log.note(alice, key).replaceAll('claudemesh-audit/', 'claudemesh-audit/A')),
      /a checkpoint that its key did not sign/,
    ],
    ['no note at all', () => log.link('12 leaves, believe me'), /a checkpoint that its key did not sign/],
    [
      'a proof of something else',
      () => {
        log.grow(9)
        return log.link(log.note(alice, key), frame => ({
          type: 'proof',
          hashes: [new Uint8Array(32)],
          size: frame.type === 'audit.proof' ? frame.size : 0,
          leaf: null,
        }))
      },
      /another one than it signed before/,
    ],
  ])('%s is found when connecting', async (_, link, message) => {
    const said = await following(alice).connect(link())
    expect(said).toMatch(/^integrity audit: /)
    expect(said).toMatch(message)
    expect(pinned(alice)).toBe(12)
  })

  test('told while connected stops everything', async () => {
    const { follower, told, connect, settled } = following(alice)
    await connect(log.link(log.note(alice, key)))
    const other = log.fork(4).grow(20)
    const lied = other.link(log.note(alice, key))
    await connect(lied)
    expect(told.link).toBe(lied)
    follower.told(other.note(alice, key))
    await settled()
    await expect.poll(() => told.halted?.message).toMatch(/another one than it signed before/)
  })
})

describe('a split view', () => {
  test('of one length is found the moment two members talk, and both signed heads stand as proof', async () => {
    const other = log.fork(4).grow(8)
    const { follower, told, connect } = following(alice)
    await connect(log.link(log.note(alice, key)))
    await connectTo(bob, other)
    await say(bob, alice)
    expect(shown(alice)).toEqual(['hello'])
    follower.heard()
    await expect.poll(() => told.halted?.code).toBe('integrity')
    expect(told.halted!.message).toMatch(
      /the broker signed two logs: member 1 was shown another than this machine, of 12 leaves/,
    )
    // It stays so over a restart: what was heard stands in the store.
    expect(await connectTo(alice, log)).toMatch(/signed two logs/)
  })

  test('of two lengths is found by the proof that cannot be made', async () => {
    const other = log.fork(4).grow(3)
    const { follower, told, connect } = following(alice)
    await connect(log.link(log.note(alice, key)))
    await connectTo(bob, other)
    await say(bob, alice)
    follower.heard()
    await expect.poll(() => told.halted?.message).toMatch(/signed two logs: member 1 .* of 7 leaves/)
  })

  test('that the broker keeps quiet about ends in 10 minutes connected, not before', async () => {
    const other = log.fork(4).grow(30)
    const { follower, told, connect, settled } = following(alice)
    await connect(log.link(log.note(alice, key)))
    await connectTo(bob, other)
    await say(bob, alice)
    const step = 30_000
    for (let waited = step; waited < TIMES.auditProofMs; waited += step) follower.waited(step)
    await settled()
    await new Promise<void>(resolve => setImmediate(resolve))
    expect([told.halted, alice.core.audit.heard.length]).toEqual([null, 1])
    follower.waited(step)
    await expect
      .poll(() => told.halted?.message)
      .toMatch(/does not prove the log that member 1 was shown, for 10 minutes/)
  })

  test('that a member only claims harms nobody, and is told', async () => {
    const { follower, told, connect } = following(alice)
    await connect(log.link(log.note(alice, key)))
    bob.core.audit.pin(log.fork(4).grow(8).note(bob, generateSigner()), log.head(bob))
    await say(bob, alice)
    follower.heard()
    await expect
      .poll(() => told.problems)
      .toEqual(['audit-forged: member 1 shows an audit checkpoint that the broker never signed'])
    expect([told.halted, alice.core.audit.heard]).toEqual([null, []])
  })
})

describe('what was accepted', () => {
  /** The broker says that it took a message; the leaf it writes is changed by the test. */
  async function accepted(
    change: (leaf: { id: Uint8Array; seq: number; toHash: Uint8Array }) => object = () => ({}),
  ) {
    const msg = compose(alice, [bob], 'hello')
    const { envelope, toHash } = seal(alice, [bob], msg)
    const said = { id: envelope.header.id, seq: 7, toHash }
    const leaf = { ...said, ...change(said) }
    const { member, session } = alice.party.recipient
    const auditIndex = log.append(
      'accepted',
      encodeFields([leaf.id, member, session, leaf.seq, leaf.toHash]),
      clock.now,
    )
    const result: AcceptedResult = {
      id: said.id,
      error: null,
      seq: said.seq,
      auditIndex,
      at: clock.now,
      recipients: ['queued'],
    }
    alice.core.commit.run(() => applyResult(alice.core, result))
    return { msg, auditIndex }
  }
  const prove = async (msg: string, link = log.link(null)) => {
    await connectTo(alice, log)
    return proveAccepted(alice.core, link, msg).then(
      proofs => proofs.map(({ index }) => index),
      (error: MeshError) => error.message,
    )
  }

  test('is proven by inclusion', async () => {
    const { msg, auditIndex } = await accepted()
    expect(await prove(msg)).toEqual([auditIndex])
  })

  test.each<[string, (leaf: { id: Uint8Array; seq: number; toHash: Uint8Array }) => object]>([
    ['another envelope', () => ({ id: new Uint8Array(16) })],
    ['another number', ({ seq }) => ({ seq: seq + 1 })],
    ['other recipients', () => ({ toHash: new Uint8Array(32) })],
  ])('and logged as %s is found', async (_, change) => {
    const { msg } = await accepted(change)
    expect(await prove(msg)).toMatch(
      /does not hold what the broker said it accepted as leaf 12: the leaf is of something else/,
    )
  })

  test('and never logged is found', async () => {
    const { msg } = await accepted()
    log = log.fork(12).grow(4)
    expect(await prove(msg)).toMatch(/said it accepted as leaf 12: the leaf is of something else/)
  })

  test('and proven with a leaf that is not in the tree is found', async () => {
    const { msg } = await accepted()
    const [foreign] = new TestLog().grow(1).leaves
    const answer = { type: 'proof' as const, hashes: [], size: 13, leaf: foreign! }
    expect(
      await prove(
        msg,
        log.link(null, () => answer),
      ),
    ).toMatch(/the broker proves no leaf there/)
  })
})

describe('a restored log', () => {
  /** The owner's entry for another log, in both rosters. */
  function ownerAccepts(old: string, now: string): void {
    const { identity, keeper } = alice.core
    const { mesh, seq, head, broker } = keeper.roster
    const place = { mesh, seq: seq + 1, prev: head, at: clock.now, author: identity.member.publicKey }
    const body = { hosts: [...broker!.hosts], key: broker!.key, log: { old, now } }
    const entry = signRosterEntry({ ...place, kind: 'broker', body }, identity.member)
    for (const side of [alice, bob]) side.core.keeper.accept([entry], [])
  }

  test('is followed once the owner names the old and the new head, and what nobody received is sealed again', async () => {
    const before = log.note(alice, key)
    await connectTo(alice, log)
    await connectTo(bob, log, 10)
    const msg = compose(bob, [alice], 'lost with the database')
    const { envelope } = seal(bob, [alice], msg)
    const result: AcceptedResult = {
      id: envelope.header.id,
      error: null,
      seq: 1,
      auditIndex: 3,
      at: clock.now,
      recipients: ['queued'],
    }
    bob.core.commit.run(() => applyResult(bob.core, result))
    const restored = log.fork(6).grow(2)
    expect(await connectTo(bob, restored)).toMatch(/shorter/)
    ownerAccepts(before, restored.note(alice, key))
    expect(await connectTo(bob, restored)).toBe('followed')
    expect(await connectTo(alice, restored)).toBe('followed')
    expect([pinned(alice), pinned(bob)]).toEqual([8, 8])
    expect(bob.store.outbox.recipients(msg)).toMatchObject([{ state: 'pending', why: 'log-restored' }])
    restored.grow(5)
    expect(await connectTo(bob, restored)).toBe('followed')
  })

  test('is not followed by who was shown more than the owner gave up, nor where the owner names what nobody signed', async () => {
    const before = log.note(alice, key, 9)
    const restored = log.fork(6).grow(2)
    await connectTo(bob, log)
    ownerAccepts(before, restored.note(alice, key))
    expect(await connectTo(bob, restored)).toMatch(
      /in place of one of 9 leaves, and this machine was shown 12/,
    )
    ownerAccepts('nothing', restored.note(alice, generateSigner()))
    expect(await connectTo(bob, restored)).toMatch(/the owner named a log that no broker key signed/)
    expect(() => newestRestore(bob.core)).toThrow(/no broker key signed/)
  })
})
