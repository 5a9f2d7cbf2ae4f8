/** `sessions/<mesh id>/<uuid>.json`: the key of one (mesh, Claude session UUID), the same for ever. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { generateSigner, type Signer } from '@claudemesh/crypto'
import { bytes, uuid } from '@claudemesh/protocol'
import { z } from 'zod'
import type { HomePaths } from './paths.ts'
import { readSecretJson, writeSecretFile } from './secret-file.ts'

const sessionFile = z.strictObject({ version: z.literal(1), mesh: bytes(32), uuid, seed: bytes(32) })

/**
 * The key in its file; made, and durable, where there is none. Throws `integrity` for a damaged file, `usage` for no UUID.
 * libsodium must be ready.
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
