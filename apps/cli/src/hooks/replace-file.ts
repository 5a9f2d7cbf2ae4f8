/** Replaces a file of the user's in one step: a crash leaves the old one or the new one, and a link stays a link. */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readlinkSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { MeshError } from '@claudemesh/protocol/errors'
import { syncFolder } from '../home/index.ts'

const MOST_LINKS = 40

/** Keeps the file's mode; a new one is 0600, its folder is made. Throws `forbidden`, and leaves all as it was. */
export function replaceFile(path: string, text: string): void {
  const target = targetOf(path)
  const folder = dirname(target)
  const temporary = join(folder, `.${basename(target)}.${randomBytes(6).toString('hex')}`)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const mode = (statSync(target, { throwIfNoEntry: false })?.mode ?? 0o600) & 0o777
    const file = openSync(temporary, 'wx', 0o600)
    try {
      fchmodSync(file, mode)
      writeFileSync(file, text)
      fsyncSync(file)
      renameSync(temporary, target)
    } catch (error) {
      unlinkSync(temporary)
      throw error
    } finally {
      closeSync(file)
    }
    syncFolder(folder)
  } catch (cause) {
    throw new MeshError(
      'forbidden',
      `${path} cannot be written (${(cause as NodeJS.ErrnoException).code}). It is as it was.`,
      { cause },
    )
  }
}

/** Where the link leads, also where nothing is there yet. */
function targetOf(path: string): string {
  let target = path
  for (let links = 0; links < MOST_LINKS; links++) {
    try {
      target = resolve(dirname(target), readlinkSync(target))
    } catch {
      return target
    }
  }
  throw new MeshError('forbidden', `${path} is a link that leads to itself.`)
}
