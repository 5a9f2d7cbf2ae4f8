/** Tokens of the local API: 32 random bytes in base64url, each in a 0600 file and nowhere else on disk. */
import { randomBytes } from 'node:crypto'
import { MeshError } from '@claudemesh/protocol/errors'
import type { HomePaths } from './paths.ts'
import { readIfThere } from './read-if-there.ts'
import { writeSecretFile } from './secret-file.ts'

const TOKEN = /^[A-Za-z0-9_-]{43}$/

const newToken = (): string => randomBytes(32).toString('base64url')

/** The token in this file, made if there is none. Throws `integrity` for a file that holds something else. */
export function openToken(path: string): string {
  const held = readIfThere(path)?.trim()
  if (held === undefined) {
    const made = newToken()
    writeSecretFile(path, `${made}\n`)
    return made
  }
  if (TOKEN.test(held)) return held
  throw new MeshError(
    'integrity',
    `${path} is damaged. Remove it: the daemon makes a new one when it starts.`,
  )
}

export const openUserToken = (paths: HomePaths): string => openToken(paths.token)
