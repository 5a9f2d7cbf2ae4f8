/** A Postgres with a standby that has every commit before it is answered, behind one address: the first is lost, the second takes over. */
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@claudemesh/db'
import { startBalancer } from './balancer.ts'
import { baseBackup } from './base-backup.ts'
import { give } from './copy-tree.ts'
import { onServer } from './on-server.ts'
import { powerOff } from './power-off.ts'

export interface ReplicatedPostgres {
  /** Of the maintenance database, at the address that leads to the primary, and later to the standby. */
  readonly url: string
  /** Ends the primary as a power failure does. */
  losePrimary(): Promise<void>
  /** New connections go to the standby from now on: it only reads until it is promoted. */
  leadToStandby(): void
  /** Resolves when the standby takes writes. */
  promote(): Promise<void>
  close(): Promise<void>
}

const SETTINGS = { wal_level: 'replica', max_wal_senders: '4', wal_keep_size: '256MB' }
const NAME = 'standby'

/** Starts both; resolves when a commit waits for the standby. */
export async function startReplicatedPostgres(): Promise<ReplicatedPostgres> {
  const home = mkdtempSync(join(tmpdir(), 'claudemesh-replicated-'))
  // Whom Postgres runs as where we are root has to pass.
  chmodSync(home, 0o711)
  const [first, second] = [join(home, 'first'), join(home, 'second')]
  const primary = await startEmbeddedPostgres({ dataDir: first, settings: SETTINGS })
  const standby = await follow(primary, first, second)
  await synchronous(primary.url)
  const address = await startBalancer()
  const portOf = ({ url }: EmbeddedPostgres) => Number(new URL(url).port)
  address.route(portOf(primary))
  const url = new URL(primary.url)
  url.port = String(address.port)
  return {
    url: url.href,
    losePrimary: () => powerOff(primary.pid),
    leadToStandby: () => address.route(portOf(standby)),
    promote: () => onServer(standby.url, sql => sql`select pg_promote(true)`),
    async close() {
      await address.close()
      await Promise.all([standby.stop(), primary.stop()])
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** Starts a standby of the primary on a base backup of it. */
async function follow(primary: EmbeddedPostgres, from: string, to: string): Promise<EmbeddedPostgres> {
  const owner = statSync(join(from, 'cluster'))
  await baseBackup({ url: primary.url, dataDir: from, owner }, to)
  const { hostname, port, username, password } = new URL(primary.url)
  const address = `host=${hostname} port=${port} user=${username} password=${password} application_name=${NAME}`
  give(join(to, 'cluster', 'postgresql.auto.conf'), `primary_conninfo = '${address}'\n`, owner)
  give(join(to, 'cluster', 'standby.signal'), '', owner)
  return startEmbeddedPostgres({ dataDir: to, settings: SETTINGS })
}

/** From when this resolves, a commit is answered once the standby has it on its disk. */
const synchronous = (url: string) =>
  onServer(url, async sql => {
    await sql.unsafe(`alter system set synchronous_standby_names = '${NAME}'`)
    await sql`select pg_reload_conf()`
    for (;;) {
      const [row] = await sql<{ state: string }[]>`select sync_state as state from pg_stat_replication`
      if (row?.state === 'sync') return
    }
  })
