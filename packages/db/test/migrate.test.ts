import { readFileSync } from 'node:fs'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import { is } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import { expect, test } from 'vitest'
import { FUNCTIONS, functionSet, functionSources } from '../src/function-set.ts'
import { commit, type Database, migrate } from '../src/index.ts'
import { installFunctions, keepFunctions } from '../src/install-functions.ts'
import * as schema from '../src/schema.ts'
import { emptyDatabase, freshDatabase, openTest } from './test-database.ts'
import { attached, item, newMesh } from './world.ts'

const MIGRATIONS = new URL('../migrations/', import.meta.url)
const journal = JSON.parse(readFileSync(new URL('meta/_journal.json', MIGRATIONS), 'utf8')) as {
  entries: { idx: number; tag: string }[]
}

const tables = Object.values(schema)
  .filter(value => is(value, PgTable))
  .map(getTableConfig)

const columnsOf = (
  db: Database,
  name: string,
) => db.sql`select column_name as name, data_type as type, is_nullable = 'NO' as required
  from information_schema.columns where table_schema = 'mesh' and table_name = ${name} order by column_name`

test('schema and migrations agree: nothing is left to generate', async () => {
  const last = String(journal.entries.at(-1)!.idx).padStart(4, '0')
  const snapshot = JSON.parse(readFileSync(new URL(`meta/${last}_snapshot.json`, MIGRATIONS), 'utf8'))
  const now = generateDrizzleJson({ ...schema }, snapshot.id, ['mesh'])
  expect(await generateMigration(snapshot, now)).toEqual([])
})

test('a migrated database has exactly the tables, columns and indexes of the schema', async () => {
  const { db } = await freshDatabase()
  expect(tables.length).toBeGreaterThan(10)
  for (const table of tables) {
    const expected = table.columns
      .map(column => ({
        name: column.name,
        type: column.getSQLType().replace('timestamp with time zone', 'timestamp with time zone'),
        required: column.notNull,
      }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    expect([...(await columnsOf(db, table.name))], table.name).toEqual(expected)
    const indexes = (
      await db.sql`select indexname as name from pg_indexes where schemaname = 'mesh' and tablename = ${table.name}`
    ).map(row => row.name)
    for (const index of table.indexes) expect(indexes).toContain(index.config.name)
  }
  const found = (
    await db.sql`select tablename as name from pg_tables where schemaname = 'mesh' and tablename !~ '^audit_(leaf|chunk)'`
  ).map(row => row.name)
  expect(found.toSorted()).toEqual(tables.map(table => table.name).toSorted())
})

test('who vacuums a queue beside mail rests in between, be it the broker or the database', async () => {
  const { db } = await freshDatabase()
  const settings = await db.sql<{ name: string; setting: string }[]>`select name, setting from pg_settings
    where name in ('vacuum_cost_delay', 'vacuum_cost_limit') order by name`
  expect([...settings]).toEqual([
    { name: 'vacuum_cost_delay', setting: '1' },
    { name: 'vacuum_cost_limit', setting: '500' },
  ])
  for (const table of ['mesh.delivery', 'mesh.envelope']) {
    const options = await db.sql<{ option: string }[]>`
      select unnest(reloptions) as option from pg_class where oid = ${table}::regclass`
    expect(options.map(({ option }) => option)).toEqual(
      expect.arrayContaining(settings.map(({ name, setting }) => `autovacuum_${name}=${setting}`)),
    )
  }
})

test('an empty database is brought to the newest version once, whoever starts at the same time', async () => {
  const url = await emptyDatabase()
  const doors = await Promise.all([openTest(url), openTest(url), openTest(url)])
  const runs = await Promise.all(doors.map(migrate))
  expect(runs.map(run => run.from).toSorted((a, b) => a - b)).toEqual([
    0,
    journal.entries.length,
    journal.entries.length,
  ])
  expect(new Set(runs.map(run => run.to))).toEqual(new Set([journal.entries.length]))
})

test('an older database keeps what it holds and gets what it lacks', async () => {
  const url = await emptyDatabase()
  const db = await openTest(url)
  const first = readFileSync(new URL(`${journal.entries[0]!.tag}.sql`, MIGRATIONS), 'utf8')
  await db.sql.unsafe(first)
  await db.sql.unsafe(`create schema mesh_fn; create table mesh_fn.installed (version integer not null, functions text not null);
    insert into mesh_fn.installed values (1, 'of old')`)
  await db.sql`insert into mesh.mesh_head (mesh, roster_seq, roster_head) values (${new Uint8Array(32)}, 7, ${new Uint8Array(32)})`
  expect(await migrate(db)).toEqual({ from: 1, to: journal.entries.length })
  const [kept] = await db.sql`select roster_seq::int as seq from mesh.mesh_head`
  expect(kept!.seq).toBe(7)
  const at = await newMesh(db)
  const me = await attached(at, at.owner)
  const { accepts } = await commit(db, { accepts: [item(at, me.recipient, [me.recipient])], acks: [] })
  expect(accepts[0]!.error).toBe(null)
})

test('every version calls its own functions: another one beside it, or back again, changes nothing for it', async () => {
  const { db } = await freshDatabase()
  const older = functionSet(functionSources().replaceAll("'attached'", "'attached-of-old'"))
  const named = async (schema: string) =>
    (
      await db.sql`select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = ${schema} order by 1`
    ).map(row => row.oid)
  const own = await named(FUNCTIONS.schema)
  expect(own.length).toBeGreaterThan(30)
  expect(older.schema).not.toBe(FUNCTIONS.schema)
  await db.sql.begin(tx => installFunctions(tx, older))
  expect(await named(older.schema)).toHaveLength(own.length)
  const at = await newMesh(db)
  const me = await attached(at, at.owner)
  const { accepts } = await commit(db, { accepts: [item(at, me.recipient, [me.recipient])], acks: [] })
  expect(accepts[0]!.error).toBe(null)
  const types = (await db.sql`select distinct type from mesh.audit_leaf`).map(row => row.type)
  expect(types).not.toContain('attached-of-old')
  // A program of the time before: it clears its one schema and fills it.
  await db.sql.unsafe('create function mesh_fn.stale() returns int language sql return 1')
  await db.sql.unsafe('drop function mesh_fn.stale')
  await migrate(db)
  expect(await named(FUNCTIONS.schema)).toEqual(own)
  expect(await named(older.schema)).toHaveLength(own.length)
})

test('functions that no program used for a week go, those in use stay', async () => {
  const { db } = await freshDatabase()
  const [used, unused] = ['used', 'unused'].map(word => functionSet(`${functionSources()}-- ${word}`))
  for (const set of [used!, unused!]) await db.sql.begin(tx => installFunctions(tx, set))
  await db.sql`update mesh.function_set set used_at = now() - interval '8 days' where name <> ${used!.schema}`
  await keepFunctions(db)
  await migrate(db)
  const schemas = (await db.sql`select nspname as name from pg_namespace where nspname like 'mesh_fn_%'`).map(
    row => row.name,
  )
  expect(schemas.toSorted()).toEqual([FUNCTIONS.schema, used!.schema].toSorted())
})

test('a database that goes meanwhile is gone, and no fault of this program', async () => {
  const url = await emptyDatabase()
  const [other, db] = [await openTest(url), await openTest(url)]
  const holder = await other.sql.reserve()
  await holder`select pg_advisory_lock(7236501147001)`
  const told = migrate(db).catch(error => error)
  // The other's migration is waited for, and the server goes down over it.
  const ended = () => other.sql`select pg_terminate_backend(pid) as ended from pg_stat_activity
    where wait_event = 'advisory' and datname = current_database()`
  await expect.poll(ended).toEqual([{ ended: true }])
  expect(await told).toMatchObject({ code: 'unavailable', message: 'the database is busy or gone' })
  await holder`select pg_advisory_unlock_all()`
  holder.release()
  expect(await migrate(other)).toMatchObject({ from: 0 })
})

test('a database that takes nothing now says so, and no transaction is left open on it', async () => {
  const url = await emptyDatabase()
  const other = await openTest(url)
  const [row] = await other.sql<{ name: string }[]>`select current_database() as name`
  await other.sql.unsafe(`alter database ${row!.name} set default_transaction_read_only = on`)
  const db = await openTest(url)
  await expect(migrate(db)).rejects.toMatchObject({ code: 'unavailable' })
  const open = await other.sql`select state from pg_stat_activity
    where datname = current_database() and state like 'idle in transaction%'`
  expect([...open]).toEqual([])
})

test('a newer database is refused and left alone', async () => {
  const { db } = await freshDatabase()
  await db.sql`update mesh_fn.installed set version = version + 1, functions = 'newer'`
  await expect(migrate(db)).rejects.toMatchObject({ code: 'conflict' })
  const [row] = await db.sql`select functions from mesh_fn.installed`
  expect(row!.functions).toBe('newer')
})
