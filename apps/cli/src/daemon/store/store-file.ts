/** The daemon's SQLite file: what a transaction groups is on the disk when it returns, or never happened, at whatever instant the process dies. */
import type { Database } from 'bun:sqlite'
import { fileURLToPath } from 'node:url'
import { MeshError } from '@claudemesh/protocol/errors'
import { type BunSQLiteDatabase, drizzle } from 'drizzle-orm/bun-sqlite'
import { migrate } from 'drizzle-orm/bun-sqlite/migrator'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { fullDisk } from '../../home/index.ts'
import { openPrivateDatabase } from '../private-database.ts'

const migrationsFolder = fileURLToPath(new URL('../../../migrations', import.meta.url))

export interface StoreFile {
  readonly orm: BunSQLiteDatabase & { readonly $client: Database }
  /** Durable when it returns. What `work` throws undoes all of it and is thrown on; within another it is a part of that one. */
  transaction<T>(work: () => T): T
  /** How many transactions, and parts of one, were undone so far: what was remembered of them may not stand. */
  readonly undone: number
  readonly late: Late
  /** Carries the log over into the file and empties it, so that what was erased is gone from both. False if another process reads. */
  checkpoint(): boolean
  /** `ok`, or what SQLite finds wrong. */
  check(): string
  close(): void
}

/** What many writes of a transaction would write again and again is written once, at its end. */
interface Late {
  /** Of one `name` the last `write` alone, before the transaction under way ends; at once where none is. Never where it is undone. */
  put(name: string, write: () => void): void
  /** Writes what was put off. Whoever reads what may be put off calls it first. */
  write(): void
}

/** Opens and migrates. Throws `integrity` for a damaged file, `unsupported` for one that a newer version wrote, `internal` on a full disk. */
export function openStoreFile(path: string): StoreFile {
  const database = openPrivateDatabase(path)
  try {
    return prepare(database)
  } catch (cause) {
    database.close()
    if (cause instanceof MeshError) throw cause
    throw (
      fullDisk(cause) ??
      new MeshError(
        'integrity',
        `${path} cannot be used (${(cause as Error).message}). Restore it from a backup, or move it away: keys are kept elsewhere, but queued and received messages are in it.`,
        { cause },
      )
    )
  }
}

function prepare(database: Database): StoreFile {
  for (const setting of [
    'journal_mode = WAL',
    'synchronous = FULL',
    'secure_delete = ON',
    'foreign_keys = ON',
    'temp_store = MEMORY',
  ])
    database.run(`PRAGMA ${setting}`)
  const orm = drizzle(database)
  refuseNewer(database)
  migrate(orm, { migrationsFolder })
  const truncate = database.query<{ busy: number }, []>('PRAGMA wal_checkpoint(TRUNCATE)')
  const checkpoint = () => truncate.get()?.busy === 0
  // A process that was killed may have erased something, and left it in the log.
  checkpoint()
  let undone = 0
  const late = makeLate(database)
  const onUndone = () => {
    undone++
    late.drop()
  }
  return {
    orm,
    late,
    transaction: makeTransaction(database, { late, onUndone }),
    get undone() {
      return undone
    },
    checkpoint,
    check: () => database.query<{ quick_check: string }, []>('PRAGMA quick_check(1)').get()!.quick_check,
    close: () => database.close(),
  }
}

function refuseNewer(database: Database): void {
  const exists = database.query("SELECT 1 FROM sqlite_schema WHERE name = '__drizzle_migrations'").get()
  if (exists === null) return
  const { last } = database
    .query<{ last: number | null }, []>('SELECT max(created_at) AS last FROM __drizzle_migrations')
    .get()!
  const known = Math.max(...readMigrationFiles({ migrationsFolder }).map(migration => migration.folderMillis))
  if (last !== null && Number(last) > known)
    throw new MeshError(
      'unsupported',
      'The store was written by a newer claudemesh. Use that version or a newer one.',
    )
}

function makeLate(database: Database): Late & { drop(): void } {
  const puts = new Map<string, () => void>()
  return {
    put(name, write) {
      if (database.inTransaction) puts.set(name, write)
      else write()
    },
    write() {
      if (puts.size === 0) return
      for (const write of puts.values()) write()
      puts.clear()
    },
    drop: () => puts.clear(),
  }
}

function makeTransaction(
  database: Database,
  { late, onUndone }: { late: Late; onUndone: () => void },
): StoreFile['transaction'] {
  const [begin, commit, rollback] = ['BEGIN IMMEDIATE', 'COMMIT', 'ROLLBACK'].map(sql =>
    database.prepare(sql),
  )
  const [save, release, undo] = ['SAVEPOINT part', 'RELEASE part', 'ROLLBACK TO part'].map(sql =>
    database.prepare(sql),
  )
  return work => {
    const part = database.inTransaction
    // What was put off before a part is none of it, and stands where that is undone.
    if (part) late.write()
    ;(part ? save! : begin!).run()
    try {
      const result = work()
      if (!part) late.write()
      ;(part ? release! : commit!).run()
      return result
    } catch (error) {
      onUndone()
      // A full disk or an I/O error may have ended the transaction already.
      if (database.inTransaction) {
        ;(part ? undo! : rollback!).run()
        if (part) release!.run()
      }
      throw error
    }
  }
}
