/** Load the easy way: one INSERT per message through the ORM, awaited: every caller its own loop, or at a steady rate. */
import { bigint, customType, pgSchema } from 'drizzle-orm/pg-core'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import type { Command, Latency, Throughput } from './commands.ts'
import { latencyOf, steady } from './steady.ts'

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const message = pgSchema('bench').table('message', {
  id: bytea().primaryKey(),
  mesh: bytea().notNull(),
  sender: bytea().notNull(),
  recipient: bytea().notNull(),
  header: bytea().notNull(),
  slot: bytea().notNull(),
  body: bytea().notNull(),
  at: bigint({ mode: 'number' }).notNull(),
})

const random = (size: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(size)))

/** The table, and what inserts one row of it; awaited, it is on disk. `prepared`: by a statement that the server keeps, without the ORM. */
async function openTable(url: string, connections: number, prepared = false) {
  const sql = postgres(url, { max: connections, onnotice: () => {} })
  await sql`create schema if not exists bench`
  await sql`create table if not exists bench.message (
    id bytea primary key, mesh bytea not null, sender bytea not null, recipient bytea not null,
    header bytea not null, slot bytea not null, body bytea not null, at bigint not null)`
  const db = drizzle(sql)
  const fixed = {
    mesh: random(32),
    sender: random(64),
    recipient: random(64),
    header: random(306),
    slot: random(80),
    body: random(512),
  }
  const byOrm = async () => {
    await db.insert(message).values({ ...fixed, id: random(16), at: Date.now() })
  }
  const byStatement = async () => {
    await sql`insert into bench.message ${sql({ ...fixed, id: random(16), at: Date.now() })}`
  }
  return {
    insert: prepared ? byStatement : byOrm,
    close: async () => {
      await sql`truncate bench.message`
      await sql.end()
    },
  }
}

/** Inserts for `ms` with `callers` loops over `connections` connections; a row counts when its INSERT came back. */
export async function insertLoad({
  url,
  callers,
  connections,
  ms,
}: Extract<Command, { do: 'insert' }>): Promise<Throughput> {
  const table = await openTable(url, connections)
  let messages = 0
  const began = performance.now()
  const end = began + ms
  const caller = async () => {
    while (performance.now() < end) {
      await table.insert()
      messages++
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  const seconds = (performance.now() - began) / 1000
  await table.close()
  return { messages, perSecond: messages / seconds }
}

/** Inserts `perSecond` rows for `ms`, over as many connections as are free: what it takes until one is on disk, and nobody was told. */
export async function insertLatency(command: Extract<Command, { do: 'insert-latency' }>): Promise<Latency> {
  const table = await openTable(command.url, command.connections, command.prepared)
  const took = await steady(command, ({ came, failed }) => number => {
    table.insert().then(() => came(number), failed)
  })
  await table.close()
  return latencyOf(took)
}
