/** Some envelopes, each for one known recipient: one call of three statements, with their leaves hashed here. */
import { equalBytes } from '@claudemesh/protocol'
import { numberArray } from './array-text.ts'
import type { Database } from './database.ts'
import type { AcceptItem, AcceptOutcome } from './delivery-types.ts'
import { fly } from './fly.ts'
import { FUNCTIONS } from './function-set.ts'
import { hashLeaves } from './hash-leaves.ts'
import type { KnownPair } from './known-recipients.ts'
import type { Forecast } from './leaf-forecast.ts'
import { packBatch } from './pack-batch.ts'
import { plainOutcomes } from './plain-outcomes.ts'

const CALL = `select ${FUNCTIONS.schema}.commit_few(${Array.from({ length: 16 }, (_, i) => `$${i + 1}`).join(',')}) as taken`
/** More gain nothing by it: their batch is cheap by itself. */
const MOST = 32

/** `null` where anything came otherwise. */
type Outcome = { accepts: AcceptOutcome[]; acks: [] } | null

/**
 * Commits envelopes of one mesh with one recipient each; `null` at once where not all of them are foretold: nothing was asked then. Resolves
 * to `null`, or rejects, where anything came otherwise: nothing was written. Answers as `commit` does.
 */
export function commitFew(db: Database, items: readonly AcceptItem[]): Promise<Outcome> | null {
  const { forecast, known } = db.lane
  if (!forecast.enabled || items.length > MOST || items.some(item => item.to.length !== 1)) return null
  const { mesh } = items[0]!
  const next = forecast.next(mesh)
  if (next === null) return null
  const pairs: KnownPair[] = []
  for (const item of items) {
    const pair = known.pair(item.mesh, item.from, item.to[0]!.recipient)
    if (pair === undefined || pair.until < next.at || !sameKind(item, items[0]!)) return null
    pairs.push(pair)
  }
  return forecast.worthIt() ? send(db, items, pairs, next) : null
}

/** Leaves of one mesh and length, which stand in one row. */
const sameKind = (a: AcceptItem, b: AcceptItem): boolean =>
  (a.mesh === b.mesh || equalBytes(a.mesh, b.mesh)) && (a.from.session === null) === (b.from.session === null)

async function send(
  db: Database,
  items: readonly AcceptItem[],
  pairs: readonly KnownPair[],
  next: Forecast,
): Promise<Outcome> {
  const { forecast, buffers } = db.lane
  const { mesh } = items[0]!
  const [{ head, roster }] = pairs as [KnownPair]
  const flight = forecast.begin(mesh, items.length, 0)
  const { pack, columns, senderBytes, offsets } = packBatch(items, [], buffers)
  const { hashes, bodies } = hashLeaves(pack, offsets, senderBytes!, next)
  const { off, header, body, expires, slots } = columns
  const ids = [numberArray(pairs.map(pair => pair.from)), numberArray(pairs.map(pair => pair.to))]
  const numbers = [head, next.seq, next.index, roster, next.at]
  const sizes = [senderBytes, off, header, body, expires, slots]
  const { length } = items
  const after = { seq: next.seq + length - 1, index: next.index + length, at: next.at, clock: null }
  let taken = false
  try {
    const parameters = [...numbers, ...ids, ...sizes, pack, hashes, bodies]
    ;({ taken } = await fly<{ taken: boolean }>(db, flight, CALL, parameters, row =>
      row.taken ? after : null,
    ))
    buffers.give(pack)
  } finally {
    forecast.judge(taken)
  }
  return taken ? { accepts: plainOutcomes(next, length), acks: [] } : null
}
