/** Secrets on disk: 0600 before the first byte, whole or not there, and durable when `writeSecretFile` returns. */
import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { MeshError } from '@claudemesh/protocol/errors'
import { ensurePrivateFolder } from './private-folder.ts'

/** Replaces the file in one step; a crash leaves the old one or the new one. Its folder is made, 0700. */
export function writeSecretFile(path: string, text: string): void {
  const folder = dirname(path)
  ensurePrivateFolder(folder)
  const temporary = join(folder, `.${basename(path)}.${crypto.randomUUID()}`)
  const file = openSync(temporary, 'wx', 0o600)
  try {
    fchmodSync(file, 0o600)
    writeAll(file, Buffer.from(text))
    fsyncSync(file)
  } catch (error) {
    unlinkSync(temporary)
    throw error
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
  syncFolder(folder)
}

/** A new file, 0600 and durable, wherever this user may write; its folder stays as it is. Throws `conflict`, `forbidden`. */
export function writeNewFile(path: string, bytes: Uint8Array): void {
  let file: number
  try {
    file = openSync(path, 'wx', 0o600)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST')
      throw new MeshError('conflict', `${path} is there already: name another file.`, { cause })
    throw new MeshError('forbidden', `${path} cannot be written (${code}).`, { cause })
  }
  try {
    fchmodSync(file, 0o600)
    writeAll(file, bytes)
    fsyncSync(file)
  } catch (cause) {
    unlinkSync(path)
    throw new MeshError(
      'forbidden',
      `${path} cannot be written (${(cause as NodeJS.ErrnoException).code}).`,
      {
        cause,
      },
    )
  } finally {
    closeSync(file)
  }
  syncFolder(dirname(path))
}

/** Makes what was renamed into or removed from the folder durable. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
}
