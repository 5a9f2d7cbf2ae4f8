/** The broker's signing key: from a secret or a 0600 file, made once and written so that a crash leaves all of it or none. */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { generateSigner, type Signer } from '@claudemesh/crypto'
import { fromBase64url, MeshError, toBase64url } from '@claudemesh/protocol'

/** The broker key of `seed`, else of `file`, which is made if it is missing. Throws `usage` for a file that is not as it must be. */
export function loadBrokerKey(seed: Uint8Array | null, file: string | undefined): Signer {
  if (seed !== null) return generateSigner(seed)
  if (file === undefined)
    throw new MeshError(
      'usage',
      'No broker key: set BROKER_KEY_FILE to a path (made at the first start) or BROKER_KEY.',
      {
        field: 'BROKER_KEY_FILE',
      },
    )
  return generateSigner(readSeed(file) ?? makeSeed(file))
}

function readSeed(file: string): Uint8Array | undefined {
  let fd: number
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw fault('cannot be opened', cause)
  }
  try {
    const { mode } = fstatSync(fd)
    if ((mode & 0o077) !== 0) throw fault('can be read by others: chmod 600')
    const seed = fromBase64url(readFileSync(fd, 'utf8').trim())
    if (seed?.length !== 32)
      throw fault('does not hold a key: restore it from a backup, a new key would be a new broker')
    return seed
  } finally {
    closeSync(fd)
  }
}

/** Written beside, synced, then linked into place: of two starters at once one wins and both read the same key. */
function makeSeed(file: string): Uint8Array {
  const seed = crypto.getRandomValues(new Uint8Array(32))
  const draft = join(dirname(file), `.broker-key-${toBase64url(crypto.getRandomValues(new Uint8Array(9)))}`)
  try {
    const fd = openSync(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
    try {
      fchmodSync(fd, 0o600)
      writeSync(fd, `${toBase64url(seed)}\n`)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    try {
      linkSync(draft, file)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    } finally {
      unlinkSync(draft)
    }
    const folder = openSync(dirname(file), constants.O_RDONLY)
    fsyncSync(folder)
    closeSync(folder)
  } catch (cause) {
    throw fault('cannot be written', cause)
  }
  const standing = readSeed(file)
  if (standing === undefined) throw fault('vanished while it was made')
  return standing
}

const fault = (what: string, cause?: unknown) =>
  new MeshError('usage', `The file of BROKER_KEY_FILE ${what}.`, { field: 'BROKER_KEY_FILE', cause })
