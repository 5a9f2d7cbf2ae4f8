/** Members of one mesh without a broker: what one seals is handed to the other by the test, changed as the test likes. */
import { randomUUID } from 'node:crypto'
import { generateSigner, prekeyId } from '@claudemesh/crypto'
import type { DeliveredEnvelope, Fact, Recipient } from '@claudemesh/protocol'
import { assembleCore } from '../src/assemble.ts'
import type { Link } from '../src/connection/link.ts'
import type { Core } from '../src/core.ts'
import { Inbox } from '../src/inbox/inbox.ts'
import { seedStore } from '../src/index.ts'
import { type Draft, writeMessage } from '../src/outbox/compose.ts'
import { Outbox } from '../src/outbox/outbox.ts'
import { type Sealed, sealMessage } from '../src/outbox/seal.ts'
import { certify } from '../src/session/certify.ts'
import { makeParty, type Party } from '../src/session/party.ts'
import { type MemoryStore, memoryStore } from './memory-store.ts'
import { deriveRoster } from './roster-of.ts'

export interface Side {
  readonly core: Core
  readonly store: MemoryStore
  readonly outbox: Outbox
  readonly inbox: Inbox
  /** A session of this member. */
  readonly party: Party
  /** upTo of every ack, in order. */
  readonly acks: number[]
  /** How often the roster was asked for. */
  readonly synced: () => number
  /** How often what is due was to go out. */
  readonly flushed: () => number
  /** What waits for its time; rung by the test. */
  readonly timers: Timer[]
}
interface Timer {
  readonly ms: number
  readonly work: () => void
}
export interface Offline {
  readonly clock: { now: number }
  readonly sides: Side[]
  /** Somebody who is no member. */
  readonly brokerKey: ReturnType<typeof generateSigner>
}

/** `count` members, the first of them the founder, each with one session. */
export async function offline(count: number): Promise<Offline> {
  const clock = { now: Date.now() }
  const { people, seed, brokerKey } = deriveRoster(count, clock.now)
  const sides = people.map((person): Side => {
    const store = memoryStore()
    seedStore(store, seed)
    const { url, host } = seed
    const identity = { mesh: seed.mesh, url, host, ...person }
    const timers: Timer[] = []
    const schedule: Core['schedule'] = (ms, work) => {
      const timer = { ms, work }
      timers.push(timer)
      return () => void timers.splice(timers.indexOf(timer), 1)
    }
    const core = assembleCore({ identity, store, now: () => clock.now, log: () => {}, schedule }, () => {})
    const uuid = randomUUID()
    const party = makeParty(uuid, person.member.publicKey, generateSigner(), clock.now)
    core.parties.set(uuid, party)
    certify(party, person.member, core.keeper, clock.now)
    const nothing = async (): Promise<void> => {}
    const outbox = new Outbox(core, {
      syncRoster: nothing,
      attachAgain: () => {},
      giveWay: () => {},
      clockWrong: () => {},
    })
    let asked = 0
    let flushed = 0
    const syncRoster = async (): Promise<void> => {
      asked++
    }
    const inbox = new Inbox(core, outbox, {
      syncRoster,
      flush: () => {
        flushed++
      },
      flushAside: () => {},
      heard: () => {},
      unwritten: () => {},
    })
    return {
      core,
      store,
      outbox,
      inbox,
      party,
      timers,
      acks: [],
      synced: () => asked,
      flushed: () => flushed,
    }
  })
  return { clock, sides, brokerKey }
}

export const recipientsOf = (...sides: Side[]): Recipient[] => sides.map(side => side.party.recipient)

/** Writes a text into the outbox; nothing is sealed yet. */
export function compose(from: Side, to: readonly Side[], text: string, more: Partial<Draft> = {}): string {
  return writeMessage(from.core, {
    owner: from.party.owner,
    kind: 'text',
    payload: { text, replyTo: null, threadId: null },
    to: to.map(side => side.party.recipient),
    priority: 'next',
    ttlMs: 86_400_000,
    ordered: true,
    ...more,
  })
}

/** Seals a message of the outbox to those it is for, and stores the sealing, as the outbox does. */
export function seal(from: Side, to: readonly Side[], msg: string): Sealed {
  const { core, outbox } = from
  const message = core.store.outbox.message(msg)!
  const rows = to.map(side => {
    const { bundle, id } = side.core.prekeys.current(side.party, core.now())
    if (prekeyId(bundle).length !== id.length) throw new Error('prekey ids have one length')
    const { recipient, key } = side.party
    return {
      row: core.store.outbox.recipient(msg, key)!,
      target: { recipient, prekey: bundle, prekeyId: id, lease: 'online' as const },
    }
  })
  const sealed = sealMessage(core, {
    message,
    party: from.party,
    rows,
    pairs: outbox.pairs,
    floors: new Map(),
  })
  const { id, sentAt, bytes, toHash } = sealed
  core.commit.run(() => {
    core.store.outbox.addSealing(
      { id, msg, sentAt, state: 'sealed', bytes, toHash, seq: 0, auditIndex: 0, acceptedAt: 0 },
      sealed.to,
    )
    core.store.outbox.setEnd(msg, sealed.endsAt)
    for (const { row } of rows) core.store.outbox.updateRecipient({ ...row, state: 'sealed', at: sentAt })
  })
  for (const [key, pair] of sealed.pairs) outbox.pairs.travelled(id, key, pair)
  return sealed
}

/** What the broker would hand to one recipient. */
export function forSide(sealed: Sealed, side: Side): DeliveredEnvelope {
  const { header, slots, body } = sealed.envelope
  return { header, slot: slots[sealed.to.indexOf(side.party.key)]!, body }
}

let seq = 0
/** Hands envelopes, or facts, to a mailbox; resolves when they are stored and acked. */
export async function deliver(to: Side, ...items: readonly (DeliveredEnvelope | Fact)[]): Promise<void> {
  const link = {
    sendData: () => to.acks.push(seq),
    close: () => {
      throw new Error('the inbox gave up')
    },
  } as unknown as Link
  const { recipient } = to.party
  for (const item of items) {
    seq++
    if ('header' in item)
      to.inbox.take(link, {
        type: 'deliver',
        recipient,
        attachment: 1,
        deliveries: [{ seq, envelope: item }],
      })
    else to.inbox.take(link, { type: 'fact', recipient, attachment: 1, facts: [{ seq, fact: item }] })
  }
  await to.inbox.settled()
}

/** Texts shown in the mailbox, in order. */
export const shown = (side: Side): string[] =>
  side.store.inbox
    .list({ owner: side.party.owner, states: ['unread'] })
    .map(row => (JSON.parse(row.payload!) as { text: string }).text)

/** What senders are to be told, in the order it was decided. */
export const answers = (side: Side): string[] =>
  side.store.receipts
    .due(side.party.owner, Number.MAX_SAFE_INTEGER, 1_000)
    .map(item => (item.why ? `${item.state} ${item.why}` : item.state))
