/** Leaves of the audit log as they are stored: each for itself, or those of a crowd one behind the other. */

export const HASH_BYTES = 32

/** `body` is null once retention dropped it. */
export interface AuditLeafRow {
  readonly index: number
  readonly hash: Uint8Array
  readonly body: {
    readonly at: number
    readonly salt: Uint8Array
    readonly type: string
    readonly fields: Uint8Array
  } | null
}

/** Leaves that follow one another, of one time and type. */
export interface AuditLeafRun {
  /** Of the first. */
  readonly index: number
  readonly at: number
  readonly type: string
  /** 32 bytes a leaf. */
  readonly hashes: Uint8Array
  /** Of each leaf as many bytes as of any other: 16 of salt, then its fields. */
  readonly bodies: Uint8Array
}

/** The index behind the last leaf. */
export const runEnd = (leaves: AuditLeafRow | AuditLeafRun): number =>
  leaves.index + ('hashes' in leaves ? leaves.hashes.length / HASH_BYTES : 1)

/** Its leaves from index `from` to before `to`, without copying. */
export function partOfRun(run: AuditLeafRun, from: number, to: number): AuditLeafRun {
  const { index, at, type, hashes, bodies } = run
  const count = hashes.length / HASH_BYTES
  if (from <= index && to >= index + count) return run
  const width = bodies.length / count
  const low = Math.min(Math.max(from - index, 0), count)
  const high = Math.max(Math.min(to - index, count), low)
  return {
    index: index + low,
    at,
    type,
    hashes: hashes.subarray(low * HASH_BYTES, high * HASH_BYTES),
    bodies: bodies.subarray(low * width, high * width),
  }
}
