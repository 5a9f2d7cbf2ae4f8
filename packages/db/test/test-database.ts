/** An empty, migrated database on a real server that this process shares; the server goes with the process. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { type Database, migrate, openDatabase, startEmbeddedPostgres } from '../src/index.ts'

const home = mkdtempSync(join(tmpdir(), 'claudemesh-db-'))
const server = startEmbeddedPostgres({ dataDir: join(home, 'postgres') })
const open: Database[] = []
let count = 0

afterAll(async () => {
  for (const db of open) await db.close()
  await (await server).stop()
  rmSync(home, { recursive: true, force: true })
})

/** The address of a database with nothing in it. */
export async function emptyDatabase(): Promise<string> {
  const { url } = await server
  const admin = await openDatabase({ url, max: 1 })
  const name = `test_${++count}`
  await admin.sql.unsafe(`create database ${name}`)
  await admin.close()
  return url.replace(/\/postgres$/, `/${name}`)
}

/** A second door to the same database, as another broker would open it. */
export async function openTest(url: string): Promise<Database> {
  const db = await openDatabase({ url, max: 4 })
  open.push(db)
  return db
}

export async function freshDatabase(): Promise<{ db: Database; url: string }> {
  const url = await emptyDatabase()
  const db = await openTest(url)
  await migrate(db)
  return { db, url }
}
