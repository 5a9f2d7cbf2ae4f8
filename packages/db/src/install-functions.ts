/** Sets of functions come and go beside each other: each version installs its own, and what no version used for long is dropped. */
import type postgres from 'postgres'
import type { Database } from './database.ts'
import { FUNCTIONS, type FunctionSet } from './function-set.ts'
import { run } from './query.ts'

/** A broker that runs says every hour that it uses its set; one that starts installs what it lacks. */
const UNUSED_DAYS = 7

type Transaction = Pick<postgres.Sql, 'unsafe'> & postgres.ISql

/** Makes the set where it does not stand, and drops those that nobody used for a week. The caller holds the lock of migrations. */
export async function installFunctions(tx: Transaction, set: FunctionSet): Promise<void> {
  const [standing] = await tx`select from pg_namespace where nspname = ${set.schema}`
  if (standing === undefined) {
    await tx.unsafe(`create schema ${set.schema}`)
    await tx.unsafe(set.text)
  }
  await tx`insert into mesh.function_set (name, used_at) values (${set.schema}, now())
    on conflict (name) do update set used_at = excluded.used_at`
  const unused = await tx<{ name: string }[]>`delete from mesh.function_set
    where used_at < now() - ${UNUSED_DAYS} * interval '1 day' returning name`
  for (const { name } of unused) await tx`drop schema if exists ${tx(name)} cascade`
}

/**
 * Says that this version's functions are in use; call it when a broker starts and once an hour. Leaves are written as chunks where
 * no other version said so in the last two hours: one from before `audit_chunk` could not read them.
 */
export async function keepFunctions(db: Database): Promise<void> {
  await run(db.sql`update mesh.function_set set used_at = now() where name = ${FUNCTIONS.schema}`)
  const [row] = await run(db.sql<{ others: boolean }[]>`select exists (select from mesh.function_set
    where name <> ${FUNCTIONS.schema} and used_at > now() - interval '2 hours') as others`)
  db.lane.forecast.enabled = !row!.others
}
