/** One open database: a pool for cold queries, one connection of its own for the hot lane and few for reading queues. */
import { MeshError } from '@claudemesh/protocol'
import { SQL } from 'bun'
import postgres from 'postgres'
import { errorCode } from './database-errors.ts'
import { FUNCTIONS } from './function-set.ts'
import { KnownRecipients } from './known-recipients.ts'
import { LeafForecast } from './leaf-forecast.ts'
import { PackBuffers } from './pack-buffers.ts'
import { QueueReads, READERS } from './queue-reads.ts'
import { systemStopwatch } from './stopwatch.ts'
import { Turns } from './turns.ts'

export interface Database {
  /** The pool of the cold queries; another one after a connection was lost, so take it anew for each statement. */
  readonly sql: postgres.Sql
  /** The schema of this version's functions: stands before the name of one in a statement of `sql`. */
  readonly fn: postgres.Helper<string>
  /** The hot lane's one connection: `commit` alone uses it, so no cold query stands before a flush. */
  readonly lane: Lane
  /** When envelopes were committed last, ms of `performance.now()`; `commit` keeps it. */
  readonly mail: { at: number }
  /** Reads of queues, on connections of their own. */
  readonly reads: QueueReads
  close(): Promise<void>
}

/**
 * Statements run in the order they are called, each committed by itself; a call may be made while another is under way.
 * Bun's own client, because it binds bytes as bytes: postgres.js spells them in hex, which cost three times the time on
 * 450 KB (4.1 ms against 1.3).
 */
interface Lane {
  /** Who has the lane to himself; `commit` keeps to it. */
  readonly turns: Turns
  /** What its calls may expect; `commit` keeps it. */
  readonly forecast: LeafForecast
  /** Whom its calls need not look up; `commit` keeps it. */
  readonly known: KnownRecipients
  /** Where its batches are laid out; `commit` keeps it. */
  readonly buffers: PackBuffers
  call<Row>(statement: string, parameters: readonly (string | number | Uint8Array | null)[]): Promise<Row[]>
}

/** A lock is given up after this long, so that a stopped peer delays a flush and never stops it (ms). */
const LOCK_TIMEOUT_MS = 2000
/**
 * The hot functions are planned while their tables are empty and keep those plans: pin what is right for full ones. Set once on
 * the connection, because a function that sets them itself pays for it in every call.
 */
const LANE_PLANS = {
  enable_seqscan: 'off',
  enable_material: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_bitmapscan: 'off',
  plan_cache_mode: 'force_generic_plan',
}
/** The queue is vacuumed beside mail: a rest of 1 ms behind 500 pages looked at or 25 changed. The tables say the same to autovacuum. */
const VACUUM = { vacuum_cost_delay: 1, vacuum_cost_limit: 500 }
/** Mail passes where envelopes were committed so lately, ms. */
const MAIL_MS = 1000
/** A balancer that hangs up because no server is behind it is noticed by Bun's client only after this time (s): the lane waits it out. */
const LANE_CONNECT_S = 5
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
  const cold = { ...common, connection: { ...common.connection, ...VACUUM }, max: opts.max ?? 8 }
  const pool = reopening(onclose => postgres(opts.url, { ...cold, onclose }))
  const forecast = new LeafForecast()
  const known = new KnownRecipients()
  const hot = {
    idleTimeout: 0,
    maxLifetime: 0,
    connectionTimeout: LANE_CONNECT_S,
    connection: { ...common.connection, ...LANE_PLANS },
  }
  const mail = { at: Number.NEGATIVE_INFINITY }
  const reader = new SQL(opts.url, { ...hot, max: READERS })
  const lane = new SQL(opts.url, {
    ...hot,
    max: 1,
    // Behind the address may stand another database now, restored from a backup: nothing is known of it.
    onclose: () => {
      forecast.forget()
      known.forget()
    },
  })
  const end = async (timeout: number) => {
    await Promise.all([pool.end(timeout), lane.close({ timeout }), reader.close({ timeout })])
  }
  try {
    await Promise.all([pool.client`select 1`, lane`select 1`])
  } catch (cause) {
    await end(0)
    throw connectionError(cause)
  }
  return {
    get sql() {
      return pool.client
    },
    get fn() {
      return pool.client(FUNCTIONS.schema)
    },
    lane: {
      turns: new Turns(),
      forecast,
      known,
      buffers: new PackBuffers(),
      call: (statement, parameters) => lane.unsafe(statement, [...parameters]),
    },
    reads: new QueueReads(
      (statement, parameters) => reader.unsafe(statement, [...parameters]),
      () => performance.now() - mail.at < MAIL_MS,
      systemStopwatch,
    ),
    mail,
    close: () => end(CLOSE_S),
  }
}

interface Reopening {
  readonly client: postgres.Sql
  end(timeout: number): Promise<void>
}

/**
 * A client that is replaced as soon as one of its connections ends. postgres.js 3.4.9 on Bun may leave a statement that was
 * on its way then without an answer for ever; ending the client rejects it.
 */
function reopening(open: (onclose: () => void) => postgres.Sql): Reopening {
  let ended = false
  const make = (): postgres.Sql => {
    const made: postgres.Sql = open(() => {
      if (ended || client !== made) return
      client = make()
      void made.end({ timeout: CLOSE_S })
    })
    return made
  }
  let client = make()
  return {
    get client() {
      return client
    },
    end(timeout) {
      ended = true
      return client.end({ timeout })
    },
  }
}

function connectionError(cause: unknown): MeshError {
  const code = errorCode(cause)
  if (code.startsWith('28'))
    return new MeshError('unauthenticated', 'the database refuses this role or password', { cause })
  if (code === '3D000')
    return new MeshError('not-found', 'the database named in DATABASE_URL does not exist', { cause })
  return new MeshError('unreachable', 'the database does not answer', { cause })
}
