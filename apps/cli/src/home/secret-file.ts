/** Secrets on disk: 0600 before the first byte, whole or not there, and durable when `writeSecretFile` returns. */
import { randomBytes } from 'node:crypto'
import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { MeshError, parseAs } from '@claudemesh/protocol'
import type { z } from 'zod'
import { ensurePrivateFolder } from './private-folder.ts'
import { readIfThere } from './read-if-there.ts'

/** Replaces the file in one step; a crash leaves the old one or the new one. Its folder is made, 0700. */
export function writeSecretFile(path: string, text: string): void {
  const folder = dirname(path)
  ensurePrivateFolder(folder)
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}`)
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

/** JSON of one shape. A file that does not hold it is an error a person sees: throws `integrity`, nothing is made anew. */
export function readSecretJson<S extends z.ZodType>(path: string, schema: S): z.output<S> | undefined {
  const text = readIfThere(path)
  if (text === undefined) return undefined
  const parsed = parseAs(schema, parse(text))
  if (parsed.success) return parsed.data
  throw new MeshError(
    'integrity',
    `${path} is damaged. It holds keys that exist nowhere else: restore it from a backup. Nothing was made anew.`,
    { field: parsed.error.issues[0]?.path.join('.') },
  )
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

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
}
