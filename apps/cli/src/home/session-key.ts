/** `sessions/<mesh id>/<uuid>.json`: the key of one (mesh, Claude session UUID), the same for ever. */
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
  const seed = made.secretKey.slice(0, 32)
  const file = z.encode(sessionFile, {
    version: 1,
    mesh: Buffer.from(mesh, 'base64url'),
    uuid: session,
    seed,
  })
  writeSecretFile(path, `${JSON.stringify(file, null, 2)}\n`)
  return made
}
