/** Statements on a connection of their own. */
import postgres from 'postgres'

/** Runs `work` on one connection to `url`, which ends with it. */
export async function onServer(url: string, work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} })
  try {
    await work(sql)
  } finally {
    await sql.end()
  }
}
