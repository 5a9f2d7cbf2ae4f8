/** The model of the database against the truth: what simulated brokers asked it is asked of a real Postgres at the same times. */
import { type AuditLeafRow, brokerStore, type Database, migrate, openDatabase } from '@claudemesh/db'
import { MeshError } from '@claudemesh/protocol'
import { freshDatabase, stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, test } from 'vitest'
import { simulate } from '../src/simulate.ts'
import { storageModel, Tables } from '../src/storage/index.ts'
import type { Call } from '../src/storage/observed.ts'

/** Between them: several recipients, removals and what they drop, expiries, facts, repeats, refusals, brokers that start again. */
const SEEDS = [1, 11, 49]

afterAll(stopSharedPostgres)

/** A database whose clock the test sets: its functions ask for `clock_timestamp()`, and find this one first. */
async function clockedDatabase() {
  const database = await freshDatabase()
  const db = await openDatabase({ url: database.url, max: 1 })
  await migrate(db)
  await db.sql.unsafe(`
    create schema clock;
    create table clock.hand (ms bigint not null);
    insert into clock.hand values (0);
    create function clock.clock_timestamp() returns timestamptz language sql volatile
      as 'select to_timestamp(ms::float8 / 1000) from clock.hand';
    do $$ begin execute format('alter database %I set search_path = clock, pg_catalog', current_database()); end $$`)
  await db.close()
  const clocked = await openDatabase({ url: database.url, max: 2 })
  const end = async () => {
    await clocked.close()
    await database.drop()
  }
  return { db: clocked, end }
}

const setClock = async ({ sql }: Database, ms: number): Promise<void> => {
  await sql`update clock.hand set ms = ${ms}`
}

/** Rows that a query gives in no order of its own. */
const UNORDERED: readonly Call['name'][] = [
  'changedLeases',
  'claimNode',
  'directoryOf',
  'releaseNode',
  'sweepLeases',
  'waitingAt',
]
/** Leaves have a random salt: their hashes are nobody else's. */
const UNKNOWABLE: readonly string[] = ['salt', 'hash']

/** An answer as text, the same for the same answer. */
function spelled(name: Call['name'], answer: unknown): string {
  if (name === 'leafHashes') return `${(answer as unknown[]).length} hashes`
  if (name === 'rosterText') {
    const page = answer as { entries: string }
    return canonical({ ...page, entries: JSON.parse(page.entries) })
  }
  const rows = UNORDERED.includes(name) ? (answer as unknown[]).map(row => canonical(row)).toSorted() : answer
  return canonical(rows ?? null)
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (key, held: unknown) => {
    if (UNKNOWABLE.includes(key)) return undefined
    if (held instanceof Uint8Array) return Buffer.from(held).toString('base64')
    if (Array.isArray(held) || held === null || typeof held !== 'object') return held
    if ('type' in held && held.type === 'Buffer' && 'data' in held)
      return Buffer.from(held.data as number[]).toString('base64')
    return Object.fromEntries(Object.entries(held).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })

/** One question to the database or to the model. */
const ask = async (of: object, name: Call['name'], given: readonly unknown[]): Promise<unknown> =>
  (of as Record<string, (...given: readonly unknown[]) => unknown>)[name]!(...given)

const meshesOf = (asked: readonly { name: Call['name']; given: readonly unknown[] }[]): Uint8Array[] =>
  asked.flatMap(({ name, given }) => (name === 'createMesh' ? [(given[0] as { mesh: Uint8Array }).mesh] : []))

/** What the leaves say; those of one moment in an order of our own, since a node's leases end in none. */
const said = (leaves: readonly AuditLeafRow[]): string[] =>
  leaves
    .map(({ body }) => `${body!.at} ${body!.type} ${Buffer.from(body!.fields).toString('hex')}`)
    .toSorted()

const codeOf = (error: unknown): string => {
  if (error instanceof MeshError) return `throws ${error.code}`
  throw error
}

test('Postgres answers every question as the model did', async () => {
  const kinds = new Set<string>()
  for (const seed of SEEDS) {
    const asked: { name: Call['name']; given: readonly unknown[]; at: number; answer: string }[] = []
    await simulate(seed, {
      asked({ name, given, outcome }, at) {
        const answer = 'error' in outcome ? codeOf(outcome.error) : spelled(name, outcome.answer)
        asked.push({ name, given, at, answer })
      },
    })
    const { db, end } = await clockedDatabase()
    try {
      const store = brokerStore(db)
      let clock = 0
      const again = storageModel(new Tables(() => clock))
      for (const [i, { name, given, at, answer }] of asked.entries()) {
        if (at !== clock) await setClock(db, at)
        clock = at
        // What a commit foretells of the time goes by this process's clock, not by the hand.
        db.lane.forecast.forget()
        const truth = await ask(store, name, given).then(found => spelled(name, found), codeOf)
        if (name !== 'clusterId')
          expect(truth, `SEED=${seed}, call ${i}: ${name} ${canonical(given)}`).toBe(answer)
        kinds.add(name)
        await ask(again, name, given).catch(codeOf)
      }
      // The whole log, leaf by leaf, whoever asked for it.
      for (const { mesh } of await store.meshHeads({ meshes: meshesOf(asked) })) {
        const all = { mesh, from: 0, to: Number.MAX_SAFE_INTEGER }
        const [truth, model] = [await store.auditLeaves(all), again.auditLeaves(all)]
        expect(truth.map(leaf => leaf.index)).toEqual(truth.map((_, place) => place))
        expect(said(truth), `SEED=${seed}`).toEqual(said(model))
      }
    } finally {
      await end()
    }
  }
  for (const name of ['appendRoster', 'attach', 'commit', 'expireDue', 'putCheckpoint', 'readQueue'])
    expect(kinds).toContain(name)
}, 240_000)
