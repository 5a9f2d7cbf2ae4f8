/** Appending to a roster: verified first, committed by compare-and-swap, in memory only after the commit, then told. */
import { checkEntry, checkEpochCopies } from '@claudemesh/crypto'
import {
  type EpochCopy,
  encodeBrokerFrame,
  equalBytes,
  MeshError,
  type RosterEntry,
  TIMES,
  toBase64url,
} from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import { readOn } from './catch-up.ts'
import { type MeshState, tellMesh } from './mesh-state.ts'
import { removeMember } from './remove-member.ts'

/** Copies of the epoch that an entry begins; or an entry that was appended once before, whose copies nobody has. */
export type Brought = { readonly copies: readonly EpochCopy[] } | { readonly restored: true }

/** Appends one entry. Throws `stale-head` with the head that stands, `clock`, or what the entry breaks. */
export function appendEntry(
  broker: Broker,
  mesh: MeshState,
  entry: RosterEntry,
  brought: Brought,
): Promise<{ seq: number; head: Uint8Array }> {
  const turn = mesh.appending.then(() => append(broker, mesh, entry, brought))
  mesh.appending = turn.catch(() => {})
  return turn
}

async function append(
  broker: Broker,
  mesh: MeshState,
  entry: RosterEntry,
  brought: Brought,
): Promise<{ seq: number; head: Uint8Array }> {
  const { seq: expectedSeq, head: expectedHead } = mesh.roster
  if (entry.seq !== expectedSeq + 1 || entry.prev === null || !equalBytes(entry.prev, expectedHead))
    throw stale(expectedSeq, expectedHead)
  const now = broker.clock.now()
  const restored = 'restored' in brought
  if (!restored && Math.abs(entry.at - now) > TIMES.idSkewMs)
    throw new MeshError('clock', 'The time of the entry is more than 5 minutes off.', {
      field: 'entry.at',
      facts: { time: now },
    })
  const { roster } = mesh
  const { hash, apply } = checkEntry(roster, entry, { now })
  const copies = restored ? [] : brought.copies
  if (!restored) checkEpochCopies(roster, entry, copies)
  const outcome = await broker.db.appendRoster({
    mesh: mesh.id,
    entry,
    hash,
    expectedSeq,
    expectedHead,
    copies,
    now,
  })
  if ('conflict' in outcome) {
    await readOn(broker, mesh)
    throw stale(outcome.conflict.seq, outcome.conflict.head)
  }
  apply()
  if (roster.epoch.beganSeq === entry.seq) mesh.copiesMissing = restored
  broker.log.info('roster.appended', { kind: entry.kind, seq: outcome.seq, restored })
  tellMesh(mesh, encodeBrokerFrame({ type: 'roster.changed', seq: outcome.seq, head: outcome.head }))
  broker.backplane.tell({ mesh: mesh.id, roster: outcome.seq })
  if (entry.kind === 'remove') removeMember(broker, mesh, entry.body.member)
  return outcome
}

const stale = (seq: number, head: Uint8Array) =>
  new MeshError('stale-head', 'The roster went on: fetch it, verify it, try again.', {
    field: 'entry.prev',
    facts: { seq, head: toBase64url(head) },
  })
