/** The roster as the broker keeps it: an append-only chain, appended by compare-and-swap on its head. */
import {
  concatBytes,
  type EpochCopy,
  MeshError,
  type RosterEntry,
  type RosterEntryJson,
  rosterEntry,
} from '@claudemesh/protocol'
import type { Database } from './database.ts'
import { errorCode, meshError } from './database-errors.ts'
import { json, run } from './query.ts'

export type AppendOutcome =
  | { readonly seq: number; readonly head: Uint8Array }
  | { readonly conflict: { readonly seq: number; readonly head: Uint8Array } }

/** What an entry changes beside the chain. */
interface Effect {
  readonly kind: 'add' | 'role' | 'remove' | 'invite' | 'none'
  readonly member?: Uint8Array
  readonly role?: string
  readonly invite?: Uint8Array
  readonly code?: Uint8Array
  /** The epoch that begins here. */
  readonly epoch?: number
}

function effectOf(entry: RosterEntry): Effect {
  switch (entry.kind) {
    case 'join':
      return { kind: 'add', member: entry.author, invite: entry.body.invite }
    case 'role':
      return { kind: 'role', member: entry.body.member, role: entry.body.role }
    case 'remove':
      return {
        kind: 'remove',
        member: entry.body.member,
        ...(entry.body.epoch && { epoch: entry.body.epoch.number }),
      }
    case 'rekey':
      return { kind: 'none', epoch: entry.body.epoch.number }
    case 'invite':
      return { kind: 'invite', code: entry.body.code }
    default:
      return { kind: 'none' }
  }
}

/**
 * Appends one verified entry: entry, audit leaf, member and invite rows, epoch copies in one transaction.
 * The caller has verified it against the roster at (`expectedSeq`, `expectedHead`); another head is `conflict`, with nothing written.
 * A `remove` marks the member at once; `dropRemoved` then ends the queued mail.
 * Throws `unknown-mesh`; `conflict` for a key or invite code that was used before.
 */
export async function appendRoster(
  db: Database,
  p: {
    mesh: Uint8Array
    entry: RosterEntry
    hash: Uint8Array
    expectedSeq: number
    expectedHead: Uint8Array
    copies: readonly EpochCopy[]
    /** ms since 1970. */
    now: number
  },
): Promise<AppendOutcome> {
  const effect = effectOf(p.entry)
  const [row] = await unique(db.sql<
    { won: boolean; seq: string; head: Uint8Array }[]
  >`select * from ${db.fn}.append_roster(
    ${p.mesh}, ${p.expectedSeq}, ${p.expectedHead}, ${p.hash}, ${json(db.sql, rosterEntry.encode(p.entry))},
    ${effect.kind}, ${effect.member ?? null}, ${effect.role ?? null}, ${effect.invite ?? null}, ${effect.code ?? null},
    ${effect.epoch ?? 0}, ${concatBytes(...p.copies.map(copy => copy.to))}, ${concatBytes(...p.copies.map(copy => copy.copy))}, ${p.now})`)
  const at = { seq: Number(row!.seq), head: row!.head }
  return row!.won ? at : { conflict: at }
}

/** A new mesh with its genesis and what follows it. `created: false` when exactly this stood already; another chain: `conflict`. */
export async function createMesh(
  db: Database,
  p: { mesh: Uint8Array; entries: readonly { entry: RosterEntry; hash: Uint8Array }[]; now: number },
): Promise<{ created: boolean }> {
  const wire = p.entries.map(({ entry }) => rosterEntry.encode(entry))
  const [row] = await unique(db.sql<
    { created: boolean }[]
  >`select ${db.fn}.create_mesh(${p.mesh}, ${p.entries[0]!.entry.author},
    ${concatBytes(...p.entries.map(({ hash }) => hash))}, ${json(db.sql, wire)}, ${p.now}) as created`)
  return { created: row!.created }
}

async function unique<T>(statement: PromiseLike<T>): Promise<T> {
  try {
    return await statement
  } catch (error) {
    if (errorCode(error) === 'CM002') throw new MeshError('conflict', 'the mesh stands with another chain')
    if (errorCode(error) === '23505')
      throw new MeshError('conflict', 'this key or invite code was used before')
    throw meshError(error)
  }
}

/** Whether epoch keys that begin at `seq` have copies here; a database restored from a backup may have lost them. */
export async function hasEpochCopies(db: Database, p: { mesh: Uint8Array; seq: number }): Promise<boolean> {
  const [row] = await run(db.sql<{ has: boolean }[]>`select exists (select from mesh.epoch_copy c
    join mesh.mesh_head h on h.id = c.mesh_id where h.mesh = ${p.mesh} and c.roster_seq = ${p.seq}) as has`)
  return row?.has ?? false
}

export interface RosterPage {
  /** Wire JSON, as it was when each was verified and appended. */
  readonly entries: readonly RosterEntryJson[]
  readonly head: Uint8Array
  readonly headSeq: number
  /** Epoch keys sealed to `reader`, for the epochs that begin in `entries`. */
  readonly copies: { epoch: number; copy: Uint8Array }[]
}

/** The same for who passes the entries on: their JSON as one array, unread. */
interface RosterText extends Omit<RosterPage, 'entries'> {
  readonly entries: string
}

interface PageAsked {
  readonly mesh: Uint8Array
  readonly from: number
  readonly limit: number
  /** Member key or invite key. */
  readonly reader: Uint8Array
}

/** At most `limit` entries from seq `from` on. Throws `unknown-mesh`. */
export async function rosterPage(db: Database, asked: PageAsked): Promise<RosterPage> {
  const { entries, ...page } = await rosterText(db, asked)
  return { ...page, entries: JSON.parse(entries) }
}

/** As `rosterPage`. */
export async function rosterText(db: Database, p: PageAsked): Promise<RosterText> {
  // One statement, so that head and entries are of one moment. As json they are written out at once; as jsonb they would be put together first.
  const [row] = await run(db.sql<
    {
      roster_head: Uint8Array
      roster_seq: string
      entries: string
      copies: { epoch: number; copy: string }[] | null
    }[]
  >`
    select h.roster_head, h.roster_seq,
      (select coalesce(json_agg(e.entry order by e.seq)::text, '[]') from mesh.roster_entry e
        where e.mesh_id = h.id and e.seq >= ${p.from} and e.seq < ${p.from + p.limit}) as entries,
      (select json_agg(json_build_object('epoch', c.epoch, 'copy', encode(c.copy, 'hex')) order by c.roster_seq) from mesh.epoch_copy c
        where c.mesh_id = h.id and c."to" = ${p.reader} and c.roster_seq >= ${p.from} and c.roster_seq < ${p.from + p.limit}) as copies
    from mesh.mesh_head h where h.mesh = ${p.mesh}`)
  if (!row) throw new MeshError('unknown-mesh', 'this broker does not know the mesh')
  return {
    entries: row.entries,
    head: row.roster_head,
    headSeq: Number(row.roster_seq),
    copies: (row.copies ?? []).map(({ epoch, copy }) => ({
      epoch,
      copy: new Uint8Array(Buffer.from(copy, 'hex')),
    })),
  }
}

/** The mesh behind an invite code, whatever the state of the invite; `null` when no such code was ever made. */
export async function findInviteMesh(db: Database, code: Uint8Array): Promise<Uint8Array | null> {
  const [row] = await run(
    db.sql<
      { mesh: Uint8Array }[]
    >`select h.mesh from mesh.invite i join mesh.mesh_head h on h.id = i.mesh_id where i.code = ${code}`,
  )
  return row?.mesh ?? null
}

/** Whether this key is or was a member; `null` when it never was. */
export async function findMember(
  db: Database,
  p: { mesh: Uint8Array; member: Uint8Array },
): Promise<{ removed: boolean } | null> {
  const [row] = await run(db.sql<
    { removed: boolean }[]
  >`select m.removed_seq is not null as removed from mesh.member m
    join mesh.mesh_head h on h.id = m.mesh_id where h.mesh = ${p.mesh} and m.key = ${p.member}`)
  return row ?? null
}
