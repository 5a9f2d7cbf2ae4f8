/** Brings an empty or older database to this version's schema, once, whoever else starts at the same time. */
import { readFileSync } from 'node:fs'
import { MeshError } from '@claudemesh/protocol'
import type postgres from 'postgres'
import type { Database } from './database.ts'
import { isConnectionLoss, isOutage, meshError } from './database-errors.ts'
import { FUNCTIONS } from './function-set.ts'
import { installFunctions } from './install-functions.ts'
import { run } from './query.ts'

const MIGRATIONS = new URL('../migrations/', import.meta.url)
/** The lock's key: any constant that no other program of this database uses. */
const LOCK = 7_236_501_147_001

/**
 * Runs what the database lacks in one transaction under an advisory lock, and installs the functions of this version beside those
 * of others that may still run.
 * Versions count migrations: an empty database is at 0. Throws MeshError `conflict` when it is newer than this program,
 * `unavailable` when it goes meanwhile.
 */
export async function migrate(db: Database): Promise<{ from: number; to: number }> {
  const tx = await run(db.sql.reserve())
  try {
    await tx`begin`
    const done = await inTransaction(tx)
    await tx`commit`
    return done
  } catch (error) {
    // Not by `sql.begin`: postgres.js 3.4.9 rolls back on a connection that is lost, too, and throws where nobody catches it.
    if (!isConnectionLoss(error)) await run(tx`rollback`)
    throw isOutage(error) ? meshError(error) : error
  } finally {
    tx.release()
  }
}

async function inTransaction(tx: postgres.ReservedSql): Promise<{ from: number; to: number }> {
  const steps = readMigrations()
  // Somebody else's migration may take a while: the wait is for them, not for a stuck lock.
  await tx`set local lock_timeout = '60s'`
  await tx`select pg_advisory_xact_lock(${LOCK})`
  await tx`create schema if not exists mesh_fn`
  await tx`create table if not exists mesh_fn.installed (version integer not null, functions text not null)`
  const [row] = await tx<{ version: number }[]>`select version from mesh_fn.installed`
  const from = row?.version ?? 0
  if (from > steps.length) {
    throw new MeshError(
      'conflict',
      `the database is at version ${from}, this program knows ${steps.length}: update it`,
    )
  }
  for (const step of steps.slice(from)) for (const statement of step) await tx.unsafe(statement)
  await installFunctions(tx, FUNCTIONS)
  const fn = tx(FUNCTIONS.schema)
  await tx`select ${fn}.ensure_audit_days(now())`
  await tx`select ${fn}.grant_writer()`
  // `functions` is of versions before sets had names of their own: they find theirs as they left it.
  if (row === undefined) await tx`insert into mesh_fn.installed values (${steps.length}, '')`
  else await tx`update mesh_fn.installed set version = ${steps.length}`
  return { from, to: steps.length }
}

/** Every migration of drizzle-kit's journal in its order, as single statements. */
function readMigrations(): string[][] {
  const journal = JSON.parse(readFileSync(new URL('meta/_journal.json', MIGRATIONS), 'utf8')) as {
    entries: { tag: string }[]
  }
  return journal.entries.map(({ tag }) =>
    readFileSync(new URL(`${tag}.sql`, MIGRATIONS), 'utf8').split('--> statement-breakpoint'),
  )
}
