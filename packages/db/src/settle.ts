/** The end of what cannot be delivered: row, audit leaf and signed fact in one transaction. */
import {
  concatBytes,
  type Fact,
  type FactKind,
  type FactReason,
  TIMES,
  toBase64url,
} from '@claudemesh/protocol'
import { numberArray } from './array-text.ts'
import type { Database } from './database.ts'
import type { Seat } from './delivery-types.ts'
import { run } from './query.ts'
import { recipientKey, recipientOf } from './recipient-key.ts'

/** Rows up to `handedUpTo` were handed out on a live attachment of this node: they do not expire. */
export interface LiveWindow extends Seat {
  readonly handedUpTo: number
}

/** One delivery that ended. `factSeq` is its fact's place in the sender's queue, 0 when the sender is removed. */
export interface SettledRow {
  readonly fact: Fact
  readonly seq: number
  readonly factSeq: number
}

type SignFact = (unsigned: Omit<Fact, 'signature'>) => Fact

interface DueRow {
  readonly mesh: Uint8Array
  readonly seq: string
  readonly envelope_id: Uint8Array
  readonly from_key: Uint8Array
  readonly to_key: Uint8Array
  readonly to_id: string
}

/** Ends rows whose ttl is over, at most `limit` a call; an empty answer means that nothing is due. `sign` makes the broker's signature. */
export async function expireDue(
  db: Database,
  p: { now: number; limit: number; node: string; live: readonly LiveWindow[]; sign: SignFact },
): Promise<SettledRow[]> {
  const keys = p.live.map(seat => recipientKey(seat.recipient))
  const padded = keys.map(key => concatBytes(key, new Uint8Array(64 - key.length)))
  const due = await run(db.sql<DueRow[]>`select * from ${db.fn}.read_due(${p.now}, ${p.limit}, ${p.node},
    ${concatBytes(...p.live.map(seat => seat.mesh))}, ${numberArray(keys.map(key => key.length))},
    ${concatBytes(...padded)}, ${numberArray(p.live.map(seat => seat.handedUpTo))})`)
  return await settle(db, due, { kind: 'expired', why: 'ttl', now: p.now, sign: p.sign })
}

/** Ends what is queued from or to removed members, at most `limit` a call; call until the answer is empty. */
export async function dropRemoved(
  db: Database,
  p: { mesh: Uint8Array; now: number; limit: number; sign: SignFact },
): Promise<SettledRow[]> {
  const rows = await run(db.sql<DueRow[]>`select * from ${db.fn}.read_dropped(${p.mesh}, ${p.limit})`)
  return await settle(db, rows, { kind: 'dropped', why: 'removed', now: p.now, sign: p.sign })
}

/** Signs here, then writes mesh by mesh; a row that was acked or ended meanwhile is left out of the answer. */
async function settle(
  db: Database,
  rows: readonly DueRow[],
  p: { kind: FactKind; why: FactReason; now: number; sign: SignFact },
): Promise<SettledRow[]> {
  const settled: SettledRow[] = []
  for (const group of Map.groupBy(rows, row => toBase64url(row.mesh)).values()) {
    const facts = group.map(row =>
      p.sign({
        mesh: row.mesh,
        kind: p.kind,
        why: p.why,
        id: row.envelope_id,
        from: recipientOf(row.from_key),
        to: recipientOf(row.to_key),
        at: p.now,
      }),
    )
    const done = await run(db.sql<
      { ord: number; fact_seq: string }[]
    >`select * from ${db.fn}.settle(${group[0]!.mesh},
      ${numberArray(group.map(row => row.seq))}, ${numberArray(group.map(row => row.to_id))}, ${p.kind}, ${p.why}, ${p.now},
      ${concatBytes(...facts.map(fact => fact.signature))}, ${p.now + TIMES.factsKeptMs})`)
    for (const { ord, fact_seq } of done) {
      settled.push({ fact: facts[ord - 1]!, seq: Number(group[ord - 1]!.seq), factSeq: Number(fact_seq) })
    }
  }
  return settled
}

/** Numbers as Postgres's text form of an array. */
