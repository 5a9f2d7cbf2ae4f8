/** The roster of the model: compare-and-swap on the head; entry, leaves, members, invites and copies together. */
import { equalBytes, MeshError, type RosterEntry, rosterEntry } from '@claudemesh/protocol'
import { writeLeaf } from './audit.ts'
import { meshOf } from './seats.ts'
import type { Synchronous } from './synchronous.ts'
import { bytesKey, type MeshRow, type Tables } from './tables.ts'

type RosterQueries = Pick<
  Synchronous,
  'appendRoster' | 'createMesh' | 'findInviteMesh' | 'hasEpochCopies' | 'rosterPage' | 'rosterText'
>

export const rosterQueries = (tables: Tables): RosterQueries => ({
  createMesh({ mesh: id, entries, now }) {
    const standing = tables.meshes.get(bytesKey(id))
    const last = entries.at(-1)!
    if (standing) {
      const same = standing.entries[entries.length - 1]
      if (same && equalBytes(same.hash, last.hash)) return { created: false }
      throw new MeshError('conflict', 'the mesh stands with another chain')
    }
    const mesh: MeshRow = {
      mesh: id,
      seq: 0,
      lastAt: Math.min(now, tables.now()),
      rosterSeq: entries.length - 1,
      rosterHead: last.hash,
      entries: [],
      copies: [],
      members: new Map(),
      recipients: new Map(),
      envelopes: new Map(),
      leaves: [],
      checkpoints: [],
      subtrees: new Map(),
    }
    tables.meshes.set(bytesKey(id), mesh)
    for (const { entry, hash } of entries) writeEntry(tables, mesh, entry, hash)
    addMember(tables, mesh, entries[0]!.entry.author)
    return { created: true }
  },
  appendRoster({ mesh: id, entry, hash, expectedSeq, expectedHead, copies, now }) {
    const mesh = meshOf(tables, id)
    if (mesh.rosterSeq !== expectedSeq || !equalBytes(mesh.rosterHead, expectedHead))
      return { conflict: { seq: mesh.rosterSeq, head: mesh.rosterHead } }
    if (
      (entry.kind === 'join' && mesh.members.has(bytesKey(entry.author))) ||
      (entry.kind === 'invite' && tables.invites.has(bytesKey(entry.body.code)))
    )
      throw new MeshError('conflict', 'this key or invite code was used before')
    const seq = ++mesh.rosterSeq
    mesh.rosterHead = hash
    writeEntry(tables, mesh, entry, hash)
    if (entry.kind === 'join') {
      addMember(tables, mesh, entry.author)
      writeLeaf(tables, mesh, 'invite-used', [entry.body.invite, entry.author, seq])
    } else if (entry.kind === 'remove') removeMember(tables, mesh, entry.body.member, seq, now)
    else if (entry.kind === 'invite') tables.invites.set(bytesKey(entry.body.code), mesh)
    const epoch = epochOf(entry)
    for (const copy of copies) mesh.copies.push({ ...copy, epoch, rosterSeq: seq })
    return { seq, head: hash }
  },
  rosterPage: asked => pageOf(tables, asked),
  rosterText(asked) {
    const { entries, ...page } = pageOf(tables, asked)
    return { ...page, entries: JSON.stringify(entries) }
  },
  findInviteMesh: code => tables.invites.get(bytesKey(code))?.mesh ?? null,
  hasEpochCopies: ({ mesh, seq }) =>
    tables.meshes.get(bytesKey(mesh))?.copies.some(copy => copy.rosterSeq === seq) ?? false,
})

function pageOf(
  tables: Tables,
  { mesh: id, from, limit, reader }: Parameters<RosterQueries['rosterPage']>[0],
): ReturnType<RosterQueries['rosterPage']> {
  const mesh = meshOf(tables, id)
  return {
    entries: mesh.entries.slice(from, from + limit).map(({ entry }) => rosterEntry.encode(entry)),
    head: mesh.rosterHead,
    headSeq: mesh.rosterSeq,
    copies: mesh.copies
      .filter(({ to, rosterSeq }) => equalBytes(to, reader) && rosterSeq >= from && rosterSeq < from + limit)
      .map(({ epoch, copy }) => ({ epoch, copy })),
  }
}

function writeEntry(tables: Tables, mesh: MeshRow, entry: RosterEntry, hash: Uint8Array): void {
  mesh.entries.push({ entry, hash })
  writeLeaf(tables, mesh, 'roster', [entry.seq, hash, entry.kind])
}

function addMember(tables: Tables, mesh: MeshRow, key: Uint8Array): void {
  mesh.members.set(bytesKey(key), null)
  tables.addRecipient(mesh, key)
}

/** Its recipients and leases end with it. */
function removeMember(tables: Tables, mesh: MeshRow, member: Uint8Array, seq: number, now: number): void {
  mesh.members.set(bytesKey(member), seq)
  for (const row of mesh.recipients.values()) {
    if (!equalBytes(row.key.subarray(0, 32), member)) continue
    row.removed = true
    const { lease } = row
    if (!lease) continue
    if (lease.state !== 'offline') lease.changedAt = tables.now()
    Object.assign(lease, { state: 'offline', stateAt: now, hookTokenHash: null })
  }
}

function epochOf(entry: RosterEntry): number {
  if (entry.kind === 'rekey') return entry.body.epoch.number
  return entry.kind === 'remove' ? (entry.body.epoch?.number ?? 0) : 0
}
