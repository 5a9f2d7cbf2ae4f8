/** What a disk that takes nothing more is called, by whatever it was noticed. */
import { MeshError } from '@claudemesh/protocol/errors'

const FULL = ['SQLITE_FULL', 'ENOSPC', 'EDQUOT']

/** `internal` with what to do, for an error of a full disk; `undefined` for any other. */
export function fullDisk(error: unknown): MeshError | undefined {
  if (!(error instanceof Error && 'code' in error && FULL.includes(String(error.code)))) return undefined
  return new MeshError(
    'internal',
    'The disk that holds the claudemesh home is full: nothing of this was stored. Make room there, then do it again.',
    { cause: error },
  )
}
