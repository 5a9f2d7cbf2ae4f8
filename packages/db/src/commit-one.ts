/** One envelope for one recipient: its leaf hashed here, and nobody looked up who is known. */
import type { Database } from './database.ts'
import type { AcceptItem, AcceptOutcome } from './delivery-types.ts'
import { fly } from './fly.ts'
import { FUNCTIONS } from './function-set.ts'
import type { Forecast, MeshHead } from './leaf-forecast.ts'
import { leafHash, oneLeaf } from './one-leaf.ts'
import { plainOutcomes } from './plain-outcomes.ts'
import { recipientKey } from './recipient-key.ts'

const CALL = `select ${FUNCTIONS.schema}.commit_one(${Array.from({ length: 19 }, (_, i) => `$${i + 1}`).join(',')}) as told`
const NOT_FORETOLD = Array.from({ length: 8 }, () => null)

interface Row {
  /** See `25_commit_one.sql`. */
  readonly told: readonly string[] | null
}

/**
 * Commits one envelope for one recipient; `null` where it is not the plain case: nothing was written. Answers as `commit` does,
 * and not through a function between: see `fly`.
 */
export async function commitOne(
  db: Database,
  item: AcceptItem,
): Promise<{ accepts: AcceptOutcome[]; acks: [] } | null> {
  const { forecast, known } = db.lane
  const [{ recipient, slot }] = item.to as [AcceptItem['to'][number]]
  const flight = forecast.begin(item.mesh, 1, 0)
  const pair = known.pair(item.mesh, item.from, recipient)
  const next = flight.forecast
  const leaf = oneLeaf(item)
  const foretold =
    next === null || pair === undefined || pair.until < next.at || !forecast.worthIt()
      ? null
      : [pair.head, next.seq, next.index, pair.roster, next.at, pair.from, pair.to, leafHash(leaf, next)]
  const parameters = [
    item.mesh,
    recipientKey(item.from),
    recipientKey(recipient),
    item.expiresAt,
    item.id,
    item.contentHash,
    item.header,
    slot,
    item.body,
    leaf.salt,
    leaf.fields,
    ...(foretold ?? NOT_FORETOLD),
  ]
  const { told } = await fly<Row>(db, flight, CALL, parameters, row => headAfter(row, next))
  if (foretold !== null) forecast.judge(told === null)
  if (told === null) return { accepts: plainOutcomes(next!, 1), acks: [] }
  if (told.length === 0) return null
  const [at, seq, index, head, roster, from, to, until] = told.map(Number) as Eight
  known.learn(item.mesh, item.from, recipient, { head, roster, from, to, until })
  return { accepts: plainOutcomes({ seq, index, at }, 1), acks: [] }
}
type Eight = [number, number, number, number, number, number, number, number]

function headAfter({ told }: Row, next: Forecast | null): MeshHead | null {
  if (told === null) return { seq: next!.seq, index: next!.index + 1, at: next!.at, clock: null }
  const [at, seq, index] = told.map(Number)
  return at === undefined ? null : { seq: seq!, index: index! + 1, at, clock: at }
}
