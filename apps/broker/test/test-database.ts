/** An empty database on a server that this process shares. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedPostgres, openDatabase, startEmbeddedPostgres } from '@claudemesh/db'

let server: Promise<EmbeddedPostgres> | undefined
let count = 0

export async function freshDatabase(): Promise<{ url: string }> {
  server ??= startEmbeddedPostgres({ dataDir: mkdtempSync(join(tmpdir(), 'broker-test-')) })
  const { url } = await server
  const name = `mesh_${process.pid}_${count++}`
  const admin = await openDatabase({ url, max: 1 })
  await admin.sql.unsafe(`create database ${name}`)
  await admin.close()
  return { url: url.replace(/\/[^/]*$/, `/${name}`) }
}
