/** What a run left where others could look: the database, files, arguments and environment of processes; and how a secret might be spelled there. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'

/** Every row of every table of the database as text, `bytea` in lower-case hex. */
export async function databaseText(url: string): Promise<string> {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} })
  try {
    const tables = await sql<{ name: string }[]>`
      select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')`
    const rows = await Promise.all(
      tables.map(({ name }) => sql.unsafe(`select t::text as row from ${name} t`)),
    )
    return rows.flatMap((table, n) => [tables[n]!.name, ...table.map(row => String(row.row))]).join('\n')
  } finally {
    await sql.end()
  }
}

/** Arguments and environment of every process of this machine that we may read. */
export function processesText(): string {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return pids
    .flatMap(pid => [join('/proc', pid, 'cmdline'), join('/proc', pid, 'environ')].map(textOf))
    .join('\n')
}

/** Every file under the folder; what is no text is read as Latin-1, so that no byte is lost. */
export function filesText(folder: string): string {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const paths = names
    .map(name => join(folder, name))
    .filter(path => statSync(path, { throwIfNoEntry: false })?.isFile())
  return paths.map(textOf).join('\n')
}

/** The ways a text or key may stand in a dump or log. */
export function spellings(secret: string | Uint8Array): string[] {
  const bytes = Buffer.from(secret)
  const ways = [
    bytes.toString('hex'),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
  ]
  return typeof secret === 'string' ? [secret, ...ways] : ways
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
