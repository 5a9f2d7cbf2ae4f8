/** The hot lane: one call of one database function commits a whole flush, and one bad item never fails the others. */
import { MeshError, RECIPIENT_STATES } from '@claudemesh/protocol'
import { bytesIndex } from './bytes-index.ts'
import { commitAcks } from './commit-acks.ts'
import { commitFew } from './commit-few.ts'
import { commitOne } from './commit-one.ts'
import type { Database } from './database.ts'
import { isOutage } from './database-errors.ts'
import type { AcceptError, AcceptItem, AcceptOutcome, AckItem, AckOutcome } from './delivery-types.ts'
import { fly } from './fly.ts'
import { FUNCTIONS } from './function-set.ts'
import { hashLeaves, type LeafChunk } from './hash-leaves.ts'
import type { Forecast, MeshHead } from './leaf-forecast.ts'
import { itemBytes, type PackedBatch, packBatch } from './pack-batch.ts'
import { CHUNK_LEAVES } from './packed-leaves.ts'
import { plainOutcomes } from './plain-outcomes.ts'
import { recipientKey } from './recipient-key.ts'

interface Batch {
  readonly accepts: readonly AcceptItem[]
  readonly acks: readonly AckItem[]
}
interface BatchOutcome {
  readonly accepts: AcceptOutcome[]
  readonly acks: AckOutcome[]
}

/** One call carries at most this much; a larger batch takes several. */
const CALL_ITEMS = 1024
const CALL_BYTES = 8 << 20

const VERDICTS: (AcceptError | null)[] = [
  null,
  null,
  'conflict',
  'unknown-recipient',
  'removed',
  'not-attached',
  'unknown-mesh',
]
const REPEAT = 1
/** Fewer leaves stand as rows of their own. */
const CHUNK_MIN = 2
/** From so many envelopes on nothing is won by knowing whose acks come with them. */
const CROWD = 32
const ACK_CODES = [null, 'replaced', 'bad-ack'] as const

/**
 * Commits accepts and acks and answers each in its place. What the answer says is on disk when the promise resolves. A
 * second batch may be given before the first is answered: answers come in the order of their commits.
 * A call that fails is split by mesh, then by item: who fails alone gets `internal`.
 * Throws MeshError `unavailable` when the database is gone or takes nothing now: the outcome is unknown, the same batch may be sent again.
 */
export async function commit(db: Database, batch: Batch): Promise<BatchOutcome> {
  const merged: Batch = { accepts: batch.accepts, acks: mergeAcks(batch.acks) }
  if (batch.accepts.length > 0) db.mail.at = performance.now()
  const { now, later } = nextCall(merged)
  if (later.accepts.length + later.acks.length === 0) {
    try {
      const outcome = await db.lane.turns.shared(() => foretold(db, now) ?? call(db, now))
      if (outcome !== null) return inPlace(batch, now, outcome)
    } catch (cause) {
      if (isOutage(cause)) throw new MeshError('unavailable', 'the database is gone', { cause })
    }
  }
  return await db.lane.turns.alone(() => commitInParts(db, batch, merged))
}

/** The call that is cheap because nearly all of it is known beforehand; `null` where it is not. */
function foretold(db: Database, { accepts, acks }: Batch): Promise<BatchOutcome | null> | null {
  if (accepts.length === 0) return commitAcks(db, acks)
  if (acks.length > 0) return null
  return isOne(accepts) ? commitOne(db, accepts[0]!) : commitFew(db, accepts)
}

/** Several calls, or one that failed: nobody else's commit comes between them, so that answers keep the order of commits. */
async function commitInParts(db: Database, batch: Batch, merged: Batch): Promise<BatchOutcome> {
  const accepts = new Map<AcceptItem, AcceptOutcome>()
  const acks = new Map<AckItem, AckOutcome>()
  let rest = merged
  while (rest.accepts.length + rest.acks.length > 0) {
    const { now, later } = nextCall(rest)
    await callOrSplit(db, now, accepts, acks)
    rest = later
  }
  return {
    accepts: batch.accepts.map(item => accepts.get(item)!),
    acks: shareAcks(batch.acks, acks),
  }
}

const isOne = (accepts: readonly AcceptItem[]) => accepts.length === 1 && accepts[0]!.to.length === 1

const inPlace = (batch: Batch, called: Batch, outcome: BatchOutcome): BatchOutcome => ({
  accepts: outcome.accepts,
  acks:
    batch.acks.length === called.acks.length
      ? outcome.acks
      : shareAcks(batch.acks, new Map(called.acks.map((ack, i) => [ack, outcome.acks[i]!]))),
})

/** Takes what fits into one call. The second of two accepts with the same id waits, so that it meets the first one's row. */
function nextCall({ accepts, acks }: Batch): { now: Batch; later: Batch } {
  const seen = new Set<string>()
  const now: AcceptItem[] = []
  const later: AcceptItem[] = []
  let size = 0
  for (const item of accepts) {
    // By id alone: two that share it by chance take two calls, no more.
    const key = bytesIndex(item.id)
    const bytes = itemBytes(item)
    const full = now.length === CALL_ITEMS || (now.length > 0 && size + bytes > CALL_BYTES)
    const known = seen.size
    seen.add(key)
    if (full || seen.size === known) {
      later.push(item)
      // Order of one sender is order of the call: nothing overtakes what waits for want of room.
      if (full) size = Number.POSITIVE_INFINITY
      continue
    }
    size += bytes
    now.push(item)
  }
  return {
    now: { accepts: now, acks: acks.slice(0, CALL_ITEMS) },
    later: { accepts: later, acks: acks.slice(CALL_ITEMS) },
  }
}

async function callOrSplit(
  db: Database,
  batch: Batch,
  accepts: Map<AcceptItem, AcceptOutcome>,
  acks: Map<AckItem, AckOutcome>,
) {
  try {
    const outcome = await call(db, batch)
    for (const [i, item] of batch.accepts.entries()) accepts.set(item, outcome.accepts[i]!)
    for (const [i, item] of batch.acks.entries()) acks.set(item, outcome.acks[i]!)
  } catch (cause) {
    if (isOutage(cause)) throw new MeshError('unavailable', 'the database is gone', { cause })
    const parts = split(batch)
    if (parts.length > 1) for (const part of parts) await callOrSplit(db, part, accepts, acks)
    else {
      for (const item of batch.accepts)
        accepts.set(item, { error: 'internal', seq: 0, auditIndex: 0, at: 0, recipients: [], repeat: false })
      for (const item of batch.acks) acks.set(item, { error: 'internal', deleted: 0, ackedUpTo: 0 })
    }
  }
}

/** By mesh where there are several, else item by item; a batch of one cannot be split. */
function split(batch: Batch): Batch[] {
  const meshes = new Map<string, { accepts: AcceptItem[]; acks: AckItem[] }>()
  const of = (mesh: Uint8Array) => {
    const key = bytesIndex(mesh)
    const part = meshes.get(key) ?? { accepts: [], acks: [] }
    meshes.set(key, part)
    return part
  }
  for (const item of batch.accepts) of(item.mesh).accepts.push(item)
  for (const item of batch.acks) of(item.mesh).acks.push(item)
  if (meshes.size > 1) return [...meshes.values()]
  return [
    ...batch.accepts.map(item => ({ accepts: [item], acks: [] })),
    ...batch.acks.map(item => ({ accepts: [], acks: [item] })),
  ]
}

interface CommitRow {
  readonly at_ms: string
  readonly first_seq: string
  readonly first_index: string
  readonly head_seq: string | null
  readonly head_index: string | null
  readonly clock_ms: string
  readonly verdicts: string | null
  readonly seqs: string
  readonly indexes: string
  readonly times: string
  readonly states: string
  readonly ack_codes: string | null
  readonly ack_marks: string
  readonly gone_ack: string | null
  readonly head: string | null
  readonly roster: string | null
  readonly ack_ids: string | null
}

const COLUMNS =
  'at_ms first_seq first_index head_seq head_index clock_ms verdicts seqs indexes times states ack_codes ack_marks gone_ack head roster ack_ids'.split(
    ' ',
  )
const CALL = `select ${COLUMNS.map(name => `${name}::text`).join(', ')}
  from ${FUNCTIONS.schema}.commit_batch(${Array.from({ length: 24 }, (_, i) => `$${i + 1}`).join(',')})`

const NO_LEAVES = [null, null, null, null]
const headAfter = ({ head_seq, head_index, at_ms, clock_ms }: CommitRow): MeshHead | null =>
  head_seq === null
    ? null
    : { seq: Number(head_seq), index: Number(head_index), at: Number(at_ms), clock: Number(clock_ms) }
const firstNumbers = ({ first_seq, first_index, at_ms }: CommitRow): Forecast => ({
  seq: Number(first_seq),
  index: Number(first_index),
  at: Number(at_ms),
})
const cameTrue = (told: Forecast, row: CommitRow): boolean => {
  const { seq, index, at } = firstNumbers(row)
  return told.seq === seq && told.index === index && told.at === at
}

/** One call of `commit_batch`, with its leaves hashed already where what is to come is foretold. */
async function call(db: Database, { accepts, acks }: Batch): Promise<BatchOutcome> {
  const { forecast, known, buffers } = db.lane
  const batch = packBatch(accepts, acks, buffers)
  const flight = forecast.begin(batch.mesh, accepts.length, acks.length)
  const next = flight.forecast
  const leaves = next !== null && forecast.enabled && forecast.worthIt() ? leavesOf(batch, next) : null
  const foretold = leaves === null ? NO_LEAVES : [next!.seq, next!.index, leaves.hashes, leaves.bodies]
  const parameters = [...batch.parameters, next?.at ?? null, ...foretold]
  known.acking(acks, false)
  const row = await fly<CommitRow>(db, flight, CALL, parameters, headAfter)
  // Answered, so it was read. Of a call that failed nobody knows that.
  buffers.give(batch.pack)
  if (leaves !== null) forecast.judge(cameTrue(next!, row))
  const out: BatchOutcome = {
    accepts: row.verdicts === null ? plainOutcomes(firstNumbers(row), accepts.length) : [],
    acks: [],
  }
  if (row.verdicts !== null) {
    const [verdicts, seqs, indexes, times] = [row.verdicts, row.seqs, row.indexes, row.times].map(numbers)
    const states = row.states.slice(1, -1).split(',')
    for (let i = 0; i < accepts.length; i++) {
      const error = VERDICTS[verdicts![i]!]!
      out.accepts.push({
        error,
        seq: seqs![i]!,
        auditIndex: indexes![i]!,
        at: times![i]!,
        recipients: Array.from(states[i]!.replace('""', ''), digit => RECIPIENT_STATES[Number(digit)]!),
        repeat: verdicts![i] === REPEAT,
      })
    }
  }
  if (row.ack_codes !== null) {
    const [codes, marks] = [row.ack_codes, row.ack_marks].map(numbers)
    const deleted = new Map<number, number>()
    if (row.gone_ack !== null)
      for (const place of numbers(row.gone_ack)) deleted.set(place, (deleted.get(place) ?? 0) + 1)
    for (let i = 0; i < acks.length; i++) {
      out.acks.push({
        error: ACK_CODES[codes![i]!]!,
        deleted: deleted.get(i + 1) ?? 0,
        ackedUpTo: marks![i]!,
      })
    }
    // Beside a crowd acks cost next to nothing, and those behind it are learned then.
    if (row.head !== null && accepts.length < CROWD) {
      const head = { head: Number(row.head), roster: Number(row.roster) }
      const ids = numbers(row.ack_ids!)
      for (const [i, ack] of acks.entries())
        if (codes![i] === 0) known.learnMark(ack, head, ids[i]!, marks![i]!)
    }
  }
  return out
}

/** `null` where a chunk cannot hold them: too few or many, several recipients, senders of both kinds. */
function leavesOf({ pack, offsets, senderBytes }: PackedBatch, next: Forecast): LeafChunk | null {
  const fits = offsets.length >= CHUNK_MIN && offsets.length <= CHUNK_LEAVES
  return senderBytes === null || !fits ? null : hashLeaves(pack, offsets, senderBytes, next)
}

/** Of several acks by one attachment the highest says all. */
function mergeAcks(acks: readonly AckItem[]): AckItem[] {
  const highest = new Map<string, AckItem>()
  for (const ack of acks) {
    const key = ackKey(ack)
    const other = highest.get(key)
    if (!other || ack.upTo > other.upTo) highest.set(key, ack)
  }
  return [...highest.values()]
}

/** Every ack gets the answer of the one that spoke for it; what was deleted is counted once. */
function shareAcks(acks: readonly AckItem[], outcomes: ReadonlyMap<AckItem, AckOutcome>): AckOutcome[] {
  const byKey = new Map([...outcomes].map(([ack, outcome]) => [ackKey(ack), outcome]))
  return acks.map(ack => outcomes.get(ack) ?? { ...byKey.get(ackKey(ack))!, deleted: 0 })
}

const ackKey = (ack: AckItem) =>
  `${ack.attachment}/${bytesIndex(ack.mesh)}/${bytesIndex(recipientKey(ack.recipient))}`

const numbers = (array: string): number[] => array.slice(1, -1).split(',').map(Number)
