/** Reads a file that may not be there yet, and tells that apart from one that may not be read. */
import { readFileSync } from 'node:fs'
import { MeshError } from '@claudemesh/protocol/errors'

/** Contents, or `undefined` where there is no such file. Throws `forbidden` where it cannot be read. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new MeshError('forbidden', `${path} cannot be read (${code}).`, { cause })
  }
}
