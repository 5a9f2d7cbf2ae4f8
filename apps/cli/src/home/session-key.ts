/** `sessions/<mesh id>/<uuid>.json`: the key of one (mesh, Claude session UUID), the same for ever. */
import { existsSync, readdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { generateSigner, type Signer } from '@claudemesh/crypto'
import { bytes, equalBytes, uuid } from '@claudemesh/protocol'
import { z } from 'zod'
import type { HomePaths } from './paths.ts'
import { syncFolder, writeSecretFile } from './secret-file.ts'
import { readSecretJson } from './secret-json.ts'

const sessionFile = z.strictObject({ version: z.literal(1), mesh: bytes(32), uuid, seed: bytes(32) })

/**
 * The key in its file; made, and durable, where there is none. Throws `integrity` for a damaged file, `usage` for no UUID.
 */
export function openSessionKey(paths: HomePaths, mesh: string, session: string): Signer {
  const path = join(paths.sessions, mesh, `${uuid.parse(session)}.json`)
  const held = readSecretJson(
    path,
    sessionFile.refine(file => file.uuid === session, 'of another session'),
  )
  if (held) return generateSigner(held.seed)
  const made = generateSigner()
  writeSessionKey(paths, mesh, { uuid: session, seed: made.secretKey.slice(0, 32) })
  return made
}

/**
 * The key goes on under another UUID, and the old one has none any more: durable when it returns. May be repeated after a crash at any
 * point; where `to` has another key already, nothing is done. Throws `integrity` for a damaged file.
 */
export function moveSessionKey(paths: HomePaths, mesh: string, from: string, to: string): void {
  const pathOf = (session: string) => join(paths.sessions, mesh, `${uuid.parse(session)}.json`)
  const old = readSecretJson(pathOf(from), sessionFile)
  if (!old) return
  const standing = readSecretJson(pathOf(to), sessionFile)
  if (standing && !equalBytes(standing.seed, old.seed)) return
  if (!standing) writeSessionKey(paths, mesh, { uuid: to, seed: old.seed })
  unlinkSync(pathOf(from))
  syncFolder(join(paths.sessions, mesh))
}

/** `seed` is secret, 32 bytes. */
interface SessionKey {
  readonly uuid: string
  readonly seed: Uint8Array
}

export function writeSessionKey(paths: HomePaths, mesh: string, { uuid, seed }: SessionKey): void {
  const file = { version: 1 as const, mesh: Buffer.from(mesh, 'base64url'), uuid, seed }
  const json = JSON.stringify(z.encode(sessionFile, file), null, 2)
  writeSecretFile(join(paths.sessions, mesh, `${uuid}.json`), `${json}\n`)
}

/** Every key of a session in this mesh. Throws `integrity` for a damaged file. */
export function listSessionKeys(paths: HomePaths, mesh: string): SessionKey[] {
  const folder = join(paths.sessions, mesh)
  const names = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.json')) : []
  return names.toSorted().flatMap(name => readSecretJson(join(folder, name), sessionFile) ?? [])
}
