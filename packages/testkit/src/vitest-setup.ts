/** What vitest does once for a whole run, before and after all files. */
import { startTestPostgres } from './postgres.ts'
import { servePostgresOfRun } from './postgres-of-run.ts'

export default (): Promise<() => Promise<void>> => servePostgresOfRun(startTestPostgres)
