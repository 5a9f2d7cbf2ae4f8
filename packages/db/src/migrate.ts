/** Brings an empty or older database to this version's schema, once, whoever else starts at the same time. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { MeshError } from '@claudemesh/protocol'
import type { Database } from './database.ts'

const MIGRATIONS = new URL('../migrations/', import.meta.url)
const FUNCTIONS = new URL('../sql/', import.meta.url)
/** The lock's key: any constant that no other program of this database uses. */
const LOCK = 7_236_501_147_001

/**
 * Runs what the database lacks in one transaction under an advisory lock, then the functions where they differ.
 * Versions count migrations: an empty database is at 0. Throws MeshError `conflict` when it is newer than this program.
 */
export async function migrate(db: Database): Promise<{ from: number; to: number }> {
  const steps = readMigrations()
  const functions = readFunctions()
  return await db.sql.begin(async tx => {
    // Somebody else's migration may take a while: the wait is for them, not for a stuck lock.
    await tx`set local lock_timeout = '60s'`
    await tx`select pg_advisory_xact_lock(${LOCK})`
    await tx`create schema if not exists mesh_fn`
    await tx`create table if not exists mesh_fn.installed (version integer not null, functions text not null)`
    const [row] = await tx<
      { version: number; functions: string }[]
    >`select version, functions from mesh_fn.installed`
    const from = row?.version ?? 0
    if (from > steps.length) {
      throw new MeshError(
        'conflict',
        `the database is at version ${from}, this program knows ${steps.length}: update it`,
      )
    }
    for (const step of steps.slice(from)) for (const statement of step) await tx.unsafe(statement)
    if (from < steps.length || row?.functions !== functions.hash) {
      await dropFunctions(tx)
      await tx.unsafe(functions.text)
    }
    await tx`select mesh_fn.ensure_audit_days(now())`
    await tx`select mesh_fn.grant_writer()`
    await tx`delete from mesh_fn.installed`
    await tx`insert into mesh_fn.installed values (${steps.length}, ${functions.hash})`
    return { from, to: steps.length }
  })
}

async function dropFunctions(tx: { unsafe: Database['sql']['unsafe'] }): Promise<void> {
  // By name and if they still exist: dropping one takes those that stand on it along.
  await tx.unsafe(`do $$ declare f text; begin
    foreach f in array array(select oid::regprocedure::text from pg_proc where pronamespace = 'mesh_fn'::regnamespace) loop
      execute 'drop function if exists ' || f || ' cascade';
    end loop; end $$`)
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

function readFunctions(): { text: string; hash: string } {
  const names = readdirSync(fileURLToPath(FUNCTIONS))
    .filter(name => name.endsWith('.sql'))
    .sort()
  const text = names.map(name => readFileSync(new URL(name, FUNCTIONS), 'utf8')).join('\n')
  return { text, hash: createHash('sha256').update(text).digest('hex') }
}
