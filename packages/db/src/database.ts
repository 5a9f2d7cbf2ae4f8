/** One open database: a pool for cold queries and one connection of its own for the hot lane. */
import { MeshError } from '@claudemesh/protocol'
import postgres from 'postgres'

export interface Database {
  /** The pool of the cold queries. */
  readonly sql: postgres.Sql
  /** The hot lane's one connection: `commit` alone uses it, so no cold query stands before a flush. */
  readonly lane: postgres.Sql
  close(): Promise<void>
}

/** A lock is given up after this long, so that a stopped peer delays a flush and never stops it (ms). */
const LOCK_TIMEOUT_MS = 2000
/** Statements under way may end in this time (s); postgres.js waits it out when the server is dead. */
const CLOSE_S = 1

/**
 * Opens the database and proves that it answers. `max`: connections of the cold pool (default 8).
 * Throws MeshError `unreachable` when the server does not answer, `unauthenticated` when it refuses the role.
 */
export async function openDatabase(opts: {
  url: string
  max?: number
  applicationName?: string
}): Promise<Database> {
  const common = {
    onnotice: () => {},
    fetch_types: false,
    connect_timeout: 10,
    connection: {
      application_name: opts.applicationName ?? 'claudemesh',
      lock_timeout: LOCK_TIMEOUT_MS,
      idle_in_transaction_session_timeout: LOCK_TIMEOUT_MS,
      client_min_messages: 'warning',
    },
  }
  const sql = postgres(opts.url, { ...common, max: opts.max ?? 8 })
  const lane = postgres(opts.url, { ...common, max: 1 })
  const end = async (timeout: number) => {
    await Promise.all([sql.end({ timeout }), lane.end({ timeout })])
  }
  try {
    await Promise.all([sql`select 1`, lane`select 1`])
  } catch (cause) {
    await end(0)
    throw connectionError(cause)
  }
  return { sql, lane, close: () => end(CLOSE_S) }
}

function connectionError(cause: unknown): MeshError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (code.startsWith('28'))
    return new MeshError('unauthenticated', 'the database refuses this role or password', { cause })
  if (code === '3D000')
    return new MeshError('not-found', 'the database named in DATABASE_URL does not exist', { cause })
  return new MeshError('unreachable', 'the database does not answer', { cause })
}
