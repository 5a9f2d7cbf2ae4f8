/** Opens SQLite files that only this user can read: the mode stands before the first page, `-wal` and `-shm` inherit it. */
import { Database } from 'bun:sqlite'
import { closeSync, constants, fchmodSync, openSync } from 'node:fs'

/** Waits up to 5 s for a lock of another process. */
export function openPrivateDatabase(path: string): Database {
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  fchmodSync(file, 0o600)
  closeSync(file)
  const database = new Database(path, { strict: true })
  database.run('PRAGMA busy_timeout = 5000')
  return database
}
