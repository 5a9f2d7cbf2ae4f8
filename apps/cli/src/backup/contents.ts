/**
 * What a backup holds: who this home is in its meshes and what makes it believe what it believes. No prekey, message or outbox: a
 * thief of a backup opens no envelope with it, and a restored home begins a new line of messages.
 */
import { seedStore } from '@claudemesh/client'
import { bytes, MeshError, parseAs, rosterEntry, toBase64url, uuid } from '@claudemesh/protocol'
import { z } from 'zod'
import { claudeIdOf } from '../daemon/claude-id.ts'
import { openMeshStore } from '../daemon/store/client-store.ts'
import { confirmedKeysOf } from '../daemon/store/confirmed-keys.ts'
import { seenCountersOf } from '../daemon/store/named-values.ts'
import { sessionRows } from '../daemon/store/session-rows.ts'
import type { StoreFile } from '../daemon/store/store-file.ts'
import {
  type HomePaths,
  listMemberFiles,
  listSessionKeys,
  memberFile,
  readMemberFile,
  writeMemberFile,
  writeSessionKey,
} from '../home/index.ts'

const ms = z.int().min(0)
const text = z.string().max(1024)

const meshBackup = z.strictObject({
  member: memberFile,
  roster: z.array(rosterEntry).min(1),
  epochs: z.array(z.strictObject({ number: z.int().min(1), key: bytes(32) })),
  /** Highest counters heard of others, so that nothing older is believed later. */
  seen: z.array(z.strictObject({ name: z.string().max(256), value: z.int().min(0) })),
  confirmed: z.array(z.strictObject({ member: z.string().length(43), name: text, at: ms })),
  sessions: z.array(
    z.strictObject({
      uuid,
      seed: bytes(32),
      profile: z
        .strictObject({
          name: text,
          role: text,
          groups: z.array(text).max(32),
          summary: text,
          directory: text,
          kind: z.enum(['claude', 'plain']),
          deliver: z.enum(['push', 'inbox', 'off']),
          usedAt: ms,
        })
        .nullable(),
    }),
  ),
})
const backup = z.strictObject({ version: z.literal(1), madeAt: ms, meshes: z.array(meshBackup).min(1) })
type MeshBackup = z.output<typeof meshBackup>

/** Everything of this home, as bytes. Throws `not-found` where there is nothing, `integrity` for a damaged file. */
export function gatherBackup(paths: HomePaths, file: StoreFile, now: number): Uint8Array {
  const meshes = listMemberFiles(paths).flatMap(id => {
    const member = readMemberFile(paths, id)
    return member && !member.pending ? [gatherMesh(paths, file, id, member)] : []
  })
  if (meshes.length === 0)
    throw new MeshError('not-found', 'This home is in no mesh: there is nothing to back up.')
  return new TextEncoder().encode(JSON.stringify(z.encode(backup, { version: 1, madeAt: now, meshes })))
}

function gatherMesh(paths: HomePaths, file: StoreFile, id: string, member: MeshBackup['member']): MeshBackup {
  const store = openMeshStore(file, id)
  const rows = sessionRows(store.scope)
  return {
    member,
    roster: store.roster.entries().map(entry => z.decode(rosterEntry, JSON.parse(entry))),
    epochs: store.epochs.all(),
    seen: seenCountersOf(store.scope).all(),
    confirmed: [...confirmedKeysOf(store.scope).all().values()],
    sessions: listSessionKeys(paths, id).map(({ uuid, seed }) => {
      const row = rows.usedSince(0).find(each => claudeIdOf(each) === uuid)
      if (!row) return { uuid, seed, profile: null }
      const { name, role, groups, summary, directory, kind, deliver, usedAt } = row
      return { uuid, seed, profile: { name, role, groups, summary, directory, kind, deliver, usedAt } }
    }),
  }
}

/**
 * Makes this home what the backup says; answers the ids of its meshes. All or nothing of each mesh: the member's keys come last.
 * Throws `conflict` where this home is in one of them already, `integrity` for what is no backup of these programs.
 */
export function putBack(paths: HomePaths, file: StoreFile, bytes: Uint8Array): string[] {
  const { meshes } = readBackup(bytes)
  const ids = meshes.map(({ member }) => toBase64url(member.mesh))
  const held = ids.filter(id => readMemberFile(paths, id) !== undefined)
  if (held.length > 0)
    throw new MeshError(
      'conflict',
      'This home is a member there already. Restore into an empty one, or leave that mesh first: claudemesh mesh leave.',
      { facts: { meshes: held } },
    )
  for (const mesh of meshes) putMesh(paths, file, mesh)
  return ids
}

function putMesh(paths: HomePaths, file: StoreFile, mesh: MeshBackup): void {
  const { member, roster, epochs } = mesh
  const id = toBase64url(member.mesh)
  const store = openMeshStore(file, id)
  const rows = sessionRows(store.scope)
  store.transaction(() => {
    seedStore(store, { mesh: member.mesh, entries: roster, epochs, host: member.host, url: member.url })
    for (const { name, value } of mesh.seen) store.counters.set(name, value)
    for (const key of mesh.confirmed) confirmedKeysOf(store.scope).put(key)
    for (const { uuid, profile } of mesh.sessions)
      if (profile)
        rows.put({
          ...profile,
          uuid,
          open: false,
          pid: null,
          processIdentity: null,
          claudeId: null,
          former: [],
          claudePid: null,
          claudeIdentity: null,
          tokenName: null,
          introducedBy: null,
          status: 'closed',
          statusSource: 'daemon',
          statusAt: profile.usedAt,
        })
  })
  for (const key of mesh.sessions) writeSessionKey(paths, id, key)
  writeMemberFile(paths, member)
}

function readBackup(bytes: Uint8Array): z.output<typeof backup> {
  try {
    const parsed = parseAs(backup, JSON.parse(new TextDecoder().decode(bytes)))
    if (parsed.success) return parsed.data
    const field = parsed.error.issues[0]?.path.join('.')
    throw new MeshError('integrity', `The backup is not of this version of claudemesh (${field}).`, { field })
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    throw new MeshError('integrity', 'What is in this file is no backup of claudemesh.', { cause })
  }
}
