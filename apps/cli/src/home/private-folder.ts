/** A folder that only this user can enter, or an error: never somebody else's, never through a link laid by another. */
import { chmodSync, lstatSync, mkdirSync, type Stats, statSync } from 'node:fs'
import { MeshError } from '@claudemesh/protocol/errors'

/**
 * Makes the folder (and what leads to it) if it is missing, and takes every right of others away, whatever the umask.
 * `strict`: the folder stands where others may write (a temporary folder), so a symbolic link is refused too.
 * Throws `forbidden` for a folder of another user, `conflict` for what is no folder.
 */
export function ensurePrivateFolder(path: string, { strict = false } = {}): void {
  try {
    mkdirSync(path, { recursive: !strict, mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') throw cannot(path, code ?? 'unknown error', error)
  }
  const found = strict ? lstatSync(path) : statSync(path)
  assertOurs(path, found, strict)
  if ((found.mode & 0o777) !== 0o700) chmodSync(path, 0o700)
}

function assertOurs(path: string, found: Stats, strict: boolean): void {
  if (found.isSymbolicLink())
    throw new MeshError(
      'forbidden',
      `${path} is a symbolic link, which somebody else may have laid. Remove it.`,
    )
  if (!found.isDirectory()) throw new MeshError('conflict', `${path} is not a folder. Move it away.`)
  const uid = process.getuid?.()
  if (uid === undefined || found.uid === uid) return
  // Root enters the home of whoever it serves (`sudo -E`), but trusts no short-lived folder of others.
  if (uid === 0 && !strict) return
  throw new MeshError(
    'forbidden',
    `${path} belongs to another user. Set CLAUDEMESH_HOME to a folder of yours.`,
  )
}

const cannot = (path: string, why: string, cause: unknown) =>
  new MeshError(
    'forbidden',
    `${path} cannot be made (${why}). Set CLAUDEMESH_HOME to a folder you may write.`,
    {
      cause,
    },
  )
