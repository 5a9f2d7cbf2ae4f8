/** Acks alone, of recipients that are known: their leaves are hashed here, and nobody is looked up. */
import { equalBytes } from '@claudemesh/protocol'
import { ackLeaves } from './ack-leaves.ts'
import { numberArray } from './array-text.ts'
import type { Database } from './database.ts'
import type { AckItem, AckOutcome } from './delivery-types.ts'
import { fly } from './fly.ts'
import { FUNCTIONS } from './function-set.ts'
import type { KnownAcks } from './known-recipients.ts'
import type { Forecast } from './leaf-forecast.ts'

const CALL = `select ${FUNCTIONS.schema}.commit_acks(${Array.from({ length: 11 }, (_, i) => `$${i + 1}`).join(',')})::text as gone`

interface Row {
  /** See `26_commit_acks.sql`. */
  readonly gone: string | null
}
/** `null` where the mesh was not as foretold. */
type Outcome = { accepts: []; acks: AckOutcome[] } | null

/**
 * Commits acks of one mesh, each by another attachment; `null` at once where not all of them are foretold: nothing was asked then. Resolves
 * to `null`, or rejects, where anything came otherwise: nothing was written. Answers as `commit` does.
 */
export function commitAcks(db: Database, acks: readonly AckItem[]): Promise<Outcome> | null {
  const { forecast, known } = db.lane
  const { mesh } = acks[0]!
  if (!forecast.enabled || acks.some(ack => ack.mesh !== mesh && !equalBytes(ack.mesh, mesh))) return null
  const found = known.acks(acks)
  const next = forecast.next(mesh)
  return found === null || next === null || !forecast.worthIt() ? null : send(db, acks, found, next)
}

async function send(
  db: Database,
  acks: readonly AckItem[],
  found: KnownAcks,
  next: Forecast,
): Promise<Outcome> {
  const { forecast, known } = db.lane
  const { mesh } = acks[0]!
  const flight = forecast.begin(mesh, 0, acks.length)
  known.acking(acks, true)
  const rows = found.acks.toSorted((a, b) => a.id - b.id)
  const persons = found.acks.filter(({ ack }) => ack.recipient.session === null)
  const sessions = found.acks.filter(({ ack }) => ack.recipient.session !== null)
  const { hashes, bodies } = ackLeaves([...persons, ...sessions], next)
  const parameters = [
    found.head,
    next.index,
    found.roster,
    next.at,
    numberArray(rows.map(({ id }) => id)),
    numberArray(rows.map(({ ack }) => ack.attachment)),
    numberArray(rows.map(({ lo }) => lo)),
    numberArray(rows.map(({ ack }) => ack.upTo)),
    persons.length,
    hashes,
    bodies,
  ]
  const after = { seq: next.seq - 1, index: next.index + acks.length, at: next.at, clock: null }
  let gone: string | null = null
  try {
    ;({ gone } = await fly<Row>(db, flight, CALL, parameters, row => (row.gone === null ? null : after)))
  } finally {
    forecast.judge(gone !== null)
    if (gone === null) known.acking(acks, false)
  }
  if (gone === null) return null
  const deleted = new Map<AckItem, number>()
  for (const place of gone.match(/\d+/g) ?? []) {
    const { ack } = rows[Number(place) - 1]!
    deleted.set(ack, (deleted.get(ack) ?? 0) + 1)
  }
  const outcome = (ack: AckItem): AckOutcome => ({
    error: null,
    deleted: deleted.get(ack) ?? 0,
    ackedUpTo: ack.upTo,
  })
  return { accepts: [], acks: acks.map(outcome) }
}
