/** The queues of the model: a flush numbers, inserts and acks under one lock; what ends becomes a fact. */
import { recipientFields } from '@claudemesh/crypto'
import type { AcceptItem, AcceptOutcome, AckItem, AckOutcome, QueueRow } from '@claudemesh/db'
import { equalBytes, type Recipient, type RecipientState, TIMES } from '@claudemesh/protocol'
import { writeLeaf } from './audit.ts'
import { keyOf, meshOf, recipientOf, rowOf } from './seats.ts'
import type { Synchronous } from './synchronous.ts'
import {
  bytesKey,
  type DeliveryRow,
  type EnvelopeRow,
  type MeshRow,
  type RecipientRow,
  type Tables,
} from './tables.ts'

type QueueQueries = Pick<
  Synchronous,
  'commit' | 'dropOldFacts' | 'dropRemoved' | 'expireDue' | 'queueDepth' | 'readQueue'
>
type Settled = ReturnType<QueueQueries['expireDue']>
type SignFact = Parameters<QueueQueries['expireDue']>[0]['sign']

/** Bytes that a fact counts in a read. */
const FACT_BYTES = 256

export const queueQueries = (tables: Tables): QueueQueries => ({
  commit: ({ accepts, acks }) => commit(tables, accepts, acks),
  readQueue({ mesh, recipient, after, maxRows, maxBytes }) {
    const row = rowOf(tables.meshes.get(bytesKey(mesh)), recipient)
    const upTo = tables.meshes.get(bytesKey(mesh))?.seq ?? 0
    if (!row) return { rows: [], upTo, more: false }
    const rows = row.queue.filter(({ seq }) => seq > Math.max(row.acked, after)).slice(0, maxRows)
    let bytes = 0
    const fit = rows.filter(({ what }, i) => {
      bytes +=
        'fact' in what
          ? FACT_BYTES
          : what.slot.length + what.envelope.header.length + what.envelope.body.length
      return i === 0 || bytes <= maxBytes
    })
    return { rows: fit.map(queueRow), upTo, more: fit.length === maxRows || fit.length < rows.length }
  },
  expireDue({ now, limit, node, live, sign }) {
    const handed = new Map(
      live.map(seat => [rowOf(tables.meshes.get(bytesKey(seat.mesh)), seat.recipient), seat.handedUpTo]),
    )
    const elsewhere = ({ lease }: RecipientRow) =>
      lease?.state === 'online' && lease.node !== node && (tables.nodes.get(lease.node) ?? 0) >= now
    const due = waiting(tables)
      .filter(({ to, row }) => row.expiresAt <= now && row.seq > (handed.get(to) ?? 0) && !elsewhere(to))
      .sort((a, b) => a.row.expiresAt - b.row.expiresAt)
    return settle(tables, due.slice(0, limit), { kind: 'expired', why: 'ttl' }, now, sign)
  },
  dropRemoved({ mesh: id, now, limit, sign }) {
    const mesh = tables.meshes.get(bytesKey(id))
    const due = waiting(tables)
      .filter(one => one.mesh === mesh && (one.to.removed || one.envelope.from.removed))
      .sort((a, b) => a.row.seq - b.row.seq || a.to.order - b.to.order)
    return settle(tables, due.slice(0, limit), { kind: 'dropped', why: 'removed' }, now, sign)
  },
  dropOldFacts({ now }) {
    let dropped = 0
    for (const mesh of tables.meshes.values())
      for (const { queue } of mesh.recipients.values())
        for (const row of [...queue])
          if ('fact' in row.what && row.expiresAt <= now) {
            queue.splice(queue.indexOf(row), 1)
            dropped++
          }
    return dropped
  },
  queueDepth: () =>
    [...tables.meshes.values()]
      .flatMap(mesh => [...mesh.recipients.values()])
      .reduce((depth, { queue }) => depth + queue.length, 0),
})

const queueRow = ({ seq, what }: DeliveryRow): QueueRow => {
  if ('fact' in what) return { seq, kind: 'fact', fact: what.fact }
  const { header, body } = what.envelope
  return { seq, kind: 'envelope', header, slot: what.slot, body }
}

/** The second of two accepts with one id meets the first one's row, behind the acks of the flush. */
function commit(tables: Tables, accepts: readonly AcceptItem[], acks: readonly AckItem[]) {
  const first = new Map(accepts.toReversed().map(item => [bytesKey(item.id), item]))
  const isFirst = (item: AcceptItem) => first.get(bytesKey(item.id)) === item
  const outcomes = new Map<AcceptItem, AcceptOutcome>()
  for (const item of accepts.filter(isFirst)) outcomes.set(item, accept(tables, item))
  const ackOutcomes = commitAcks(tables, acks)
  for (const item of accepts) if (!isFirst(item)) outcomes.set(item, accept(tables, item))
  return { accepts: accepts.map(item => outcomes.get(item)!), acks: ackOutcomes }
}

/** Of several acks by one attachment the highest says all. */
function commitAcks(tables: Tables, acks: readonly AckItem[]): AckOutcome[] {
  const nameOf = ({ attachment, mesh, recipient }: AckItem) =>
    `${attachment}/${bytesKey(mesh)}/${bytesKey(keyOf(recipient))}`
  const highest = new Map<string, AckItem>()
  for (const item of acks) {
    const other = highest.get(nameOf(item))
    if (!other || item.upTo > other.upTo) highest.set(nameOf(item), item)
  }
  const outcomes = new Map([...highest].map(([name, item]) => [name, ack(tables, item)]))
  return acks.map(item => {
    const outcome = outcomes.get(nameOf(item))!
    return highest.get(nameOf(item)) === item ? outcome : { ...outcome, deleted: 0 }
  })
}

function accept(tables: Tables, item: AcceptItem): AcceptOutcome {
  const mesh = tables.meshes.get(bytesKey(item.mesh))
  const at = mesh ? Math.max(mesh.lastAt, tables.now()) : tables.now()
  const refused = (error: AcceptOutcome['error'], recipients: RecipientState[] = []) =>
    ({ error, seq: 0, auditIndex: 0, at, recipients, repeat: false }) as const
  if (!mesh) return refused('unknown-mesh')
  const from = rowOf(mesh, item.from)
  if (from?.removed || rowOf(mesh, { member: item.from.member, session: null })?.removed)
    return refused('removed')
  if (!from) return refused('not-attached')
  const standing = mesh.envelopes.get(placeOf(from, item.id))
  if (standing) {
    if (!equalBytes(standing.contentHash, item.contentHash)) return refused('conflict')
    const { seq, auditIndex, states } = standing
    return { error: null, seq, auditIndex, at: standing.at, recipients: states, repeat: true }
  }
  const states = item.to.map(({ recipient }) => stateOf(mesh, recipient, at))
  if (!states.includes('queued')) return refused('unknown-recipient', states)
  const seq = ++mesh.seq
  const fields = [item.id, ...recipientFields(item.from), seq, item.recipientsHash]
  const auditIndex = writeLeaf(tables, mesh, 'accepted', fields)
  const envelope: EnvelopeRow = {
    id: item.id.slice(),
    from,
    contentHash: item.contentHash,
    header: item.header.slice(),
    body: item.body.slice(),
    states,
    seq,
    auditIndex,
    at,
    waiting: states.filter(state => state === 'queued').length,
  }
  mesh.envelopes.set(placeOf(from, item.id), envelope)
  for (const [i, { recipient, slot }] of item.to.entries())
    if (states[i] === 'queued')
      rowOf(mesh, recipient)!.queue.push({
        seq,
        expiresAt: item.expiresAt,
        what: { envelope, slot: slot.slice() },
      })
  return { error: null, seq, auditIndex, at, recipients: states, repeat: false }
}

function stateOf(mesh: MeshRow, recipient: Recipient, now: number): RecipientState {
  const row = rowOf(mesh, recipient)
  if (row?.removed) return 'removed'
  if (!row) return rowOf(mesh, { member: recipient.member, session: null })?.removed ? 'removed' : 'unknown'
  return row.knownUntil !== null && row.knownUntil < now ? 'unknown' : 'queued'
}

function ack(tables: Tables, item: AckItem): AckOutcome {
  const mesh = tables.meshes.get(bytesKey(item.mesh))
  const row = rowOf(mesh, item.recipient)
  const stays = (error: AckOutcome['error']): AckOutcome => ({
    error,
    deleted: 0,
    ackedUpTo: row?.acked ?? 0,
  })
  if (!mesh || !row || row.removed || row.attachment !== item.attachment) return stays('replaced')
  if (item.upTo > mesh.seq) return stays('bad-ack')
  if (item.upTo <= row.acked) return stays(null)
  writeLeaf(tables, mesh, 'delivered', [...recipientFields(item.recipient), row.acked + 1, item.upTo])
  row.acked = item.upTo
  const gone = row.queue.filter(({ seq }) => seq <= item.upTo)
  row.queue.splice(0, row.queue.length, ...row.queue.filter(({ seq }) => seq > item.upTo))
  for (const delivery of gone) release(mesh, delivery)
  return { error: null, deleted: gone.length, ackedUpTo: row.acked }
}

const placeOf = (from: RecipientRow, id: Uint8Array): string => `${from.order}/${bytesKey(id)}`

/** An envelope that nobody waits for any more goes. */
function release(mesh: MeshRow, { what }: DeliveryRow): void {
  if ('fact' in what) return
  if (--what.envelope.waiting === 0) mesh.envelopes.delete(placeOf(what.envelope.from, what.envelope.id))
}

interface Due {
  readonly mesh: MeshRow
  readonly to: RecipientRow
  readonly row: DeliveryRow
  readonly envelope: EnvelopeRow
}

const waiting = (tables: Tables): Due[] =>
  [...tables.meshes.values()].flatMap(mesh =>
    [...mesh.recipients.values()].flatMap(to =>
      to.queue.flatMap(row => ('fact' in row.what ? [] : [{ mesh, to, row, envelope: row.what.envelope }])),
    ),
  )

/** Row, leaf and fact together; a removed sender gets no fact. */
function settle(
  tables: Tables,
  due: readonly Due[],
  end: { readonly kind: 'expired' | 'dropped'; readonly why: 'ttl' | 'removed' },
  now: number,
  sign: SignFact,
): Settled {
  const settled: Settled = []
  for (const [mesh, group] of Map.groupBy(due, ({ mesh }) => mesh))
    for (const { to, row, envelope } of group) {
      const { id, from } = envelope
      to.queue.splice(to.queue.indexOf(row), 1)
      release(meshOf(tables, mesh.mesh), row)
      const parties = { from: recipientOf(from.key), to: recipientOf(to.key) }
      const fact = sign({ mesh: mesh.mesh, ...end, id, ...parties, at: now })
      const factSeq = from.removed ? 0 : ++mesh.seq
      if (factSeq > 0) from.queue.push({ seq: factSeq, expiresAt: now + TIMES.factsKeptMs, what: { fact } })
      writeLeaf(tables, mesh, end.kind, [
        id,
        ...recipientFields(parties.from),
        ...recipientFields(parties.to),
        row.seq,
      ])
      settled.push({ fact, seq: row.seq, factSeq })
    }
  return settled
}
