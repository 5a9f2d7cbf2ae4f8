/** `meshes/<mesh id>/member.json`: who this machine is in a mesh. The keys in it exist nowhere else. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bytes, MeshError, toBase64url } from '@claudemesh/protocol'
import { z } from 'zod'
import type { HomePaths } from './paths.ts'
import { syncFolder, writeSecretFile } from './secret-file.ts'
import { readSecretJson } from './secret-json.ts'

export const memberFile = z.strictObject({
  version: z.literal(1),
  mesh: bytes(32),
  /** `ws://host/ws` or `wss://host/ws`. */
  url: z.string().max(1024),
  host: z.string().max(255),
  memberSeed: bytes(32),
  agreement: z.strictObject({ x25519: bytes(32), xwing: bytes(32) }),
  /** Written before the broker heard of it; `false` once it answered. */
  pending: z.boolean(),
})
export type MemberFile = z.output<typeof memberFile>

const fileOf = (paths: HomePaths, mesh: string) => join(paths.meshes, mesh, 'member.json')

export function writeMemberFile(paths: HomePaths, member: MemberFile): void {
  const json = JSON.stringify(z.encode(memberFile, member), null, 2)
  writeSecretFile(fileOf(paths, toBase64url(member.mesh)), `${json}\n`)
}

/** Throws `integrity` if it is damaged or lies in another mesh's folder. */
export function readMemberFile(paths: HomePaths, mesh: string): MemberFile | undefined {
  const member = readSecretJson(fileOf(paths, mesh), memberFile)
  if (member && toBase64url(member.mesh) !== mesh)
    throw new MeshError('integrity', `${fileOf(paths, mesh)} is of another mesh. Restore it from a backup.`)
  return member
}

/** Base64url ids of the meshes that have a folder, sorted. */
export function listMemberFiles(paths: HomePaths): string[] {
  try {
    const names = readdirSync(paths.meshes)
    return names.filter(name => /^[A-Za-z0-9_-]{43}$/.test(name)).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Forgets the keys of a mesh and of all sessions in it. */
export function removeMemberFiles(paths: HomePaths, mesh: string): void {
  rmSync(join(paths.sessions, mesh), { recursive: true, force: true })
  rmSync(join(paths.meshes, mesh), { recursive: true, force: true })
  if (existsSync(paths.meshes)) syncFolder(paths.meshes)
}
