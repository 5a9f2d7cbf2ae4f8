/** A fault of each class that the checker must find, planted from outside: in the database, or around a module of brokers or daemons. */
import { fileURLToPath } from 'node:url'
import { SQL } from 'bun'
import type { MODULE_FAULTS } from './module-faults.ts'

export interface PlantedFault {
  /** Further environment. */
  readonly brokerEnv?: Readonly<Record<string, string>>
  readonly daemonEnv?: Readonly<Record<string, string>>
  /** Before any broker knows the database. */
  readonly inDatabase?: (sql: SQL) => Promise<unknown>
  /** Each machine's clock is off by so much more than that of the one before, as clocks are, ms. */
  readonly skewMs?: number
}

/** A commit answers before it is on disk, by up to ten seconds: who kills the server loses what was `accepted`. */
const ackBeforeCommit: PlantedFault = {
  async inDatabase(sql) {
    await sql.unsafe('alter database postgres set synchronous_commit = off')
    await sql.unsafe("alter system set wal_writer_delay = '10s'")
    await sql.unsafe('select pg_reload_conf()')
  },
}

/** Loaded before the program of whoever has the faulty module. */
const inModule = (name: keyof typeof MODULE_FAULTS): Readonly<Record<string, string>> => {
  const preload = fileURLToPath(import.meta.resolve('./plant-in-module.ts'))
  return { CHAOS_FAULT: name, BUN_OPTIONS: `--preload=${preload}` }
}

/** By class. */
export const PLANTED_FAULTS = {
  'ack before commit': ackBeforeCommit,
  'order by time': { brokerEnv: inModule('order by time'), skewMs: 1500 },
  'dedupe off': { daemonEnv: inModule('dedupe off') },
  'receipt before storing': { daemonEnv: inModule('receipt before storing') },
  'receipt before surfacing': { daemonEnv: inModule('receipt before surfacing') },
} satisfies Record<string, PlantedFault>

/** Changes the database at `url`. */
export async function plant(url: string, change: PlantedFault['inDatabase']): Promise<void> {
  if (!change) return
  const sql = new SQL({ url, max: 1 })
  try {
    await change(sql)
  } finally {
    await sql.close({ timeout: 0 })
  }
}
