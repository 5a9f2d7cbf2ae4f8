/** Tells a database that is gone from a statement that failed. */
import { MeshError } from '@claudemesh/protocol'

/** SQLSTATE of a server error (postgres.js has it in `code`, Bun in `errno`), or the client's own code. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if ('errno' in error && /^[0-9A-Z]{5}$/.test(String(error.errno))) return String(error.errno)
  return 'code' in error ? String(error.code) : ''
}

/** True when it is unknown whether the statement was committed: the connection broke or the server went down. */
export function isConnectionLoss(error: unknown): boolean {
  const code = errorCode(error)
  return (
    /^(08|57P0)/.test(code) ||
    /^(CONNECTION_|CONNECT_TIMEOUT|ECONN|ENOENT|EPIPE|ERR_POSTGRES_(CONNECTION|IDLE|LIFETIME))/.test(code)
  )
}

/**
 * True where no statement can be carried out now, whatever it says: the database is gone, is a standby that was not promoted yet or
 * otherwise read-only, or has no room, memory or connection left.
 */
export const isOutage = (error: unknown): boolean =>
  isConnectionLoss(error) || /^(25006|53)/.test(errorCode(error))

/** What a cold query throws: our own codes as they are, a lost database as `unavailable`, the rest as `internal` without SQL. */
export function meshError(error: unknown): MeshError {
  if (error instanceof MeshError) return error
  const code = errorCode(error)
  if (code === 'CM001') return new MeshError('unknown-mesh', 'this broker does not know the mesh')
  if (isOutage(error) || code === '55P03' || code === '57014')
    return new MeshError('unavailable', 'the database is busy or gone', { cause: error })
  return new MeshError('internal', 'the database refused a statement', { cause: error })
}
