/** A Postgres that archives its write-ahead log: backed up while it runs, lost by accident, restored from backup and archive. */
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@claudemesh/db'
import { baseBackup } from './base-backup.ts'
import { copyTree, give, type Owner } from './copy-tree.ts'
import { freePort } from './free-port.ts'
import { powerOff } from './power-off.ts'

export interface ArchivedPostgres {
  /** Of its maintenance database; the same after a restore. */
  readonly url: string
  /** Takes a base backup while the server works, as pg_basebackup does; `meanwhile` runs in its middle. Answers its folder. */
  backUp(meanwhile?: () => Promise<unknown>): Promise<string>
  /** Ends the server as a power failure does and removes its data; the log that stood on another disk (`pg_wal`) is kept. */
  lose(): Promise<void>
  /** Starts the backup. `to`: `end` replays the archive and the log that was kept, `backup` nothing beyond its own moment. */
  restore(backup: string, to: 'end' | 'backup'): Promise<void>
  close(): Promise<void>
}

/** Starts an empty one in a scratch folder. */
export async function startArchivedPostgres(): Promise<ArchivedPostgres> {
  const home = mkdtempSync(join(tmpdir(), 'claudemesh-archived-'))
  // Whom Postgres runs as where we are root has to pass, and may write into the archive.
  chmodSync(home, 0o711)
  const archive = join(home, 'archive')
  const kept = join(home, 'kept')
  mkdirSync(archive, { mode: 0o700 })
  const settings = {
    wal_level: 'replica',
    max_wal_senders: '2',
    archive_mode: 'on',
    archive_command: `cp %p ${archive}/%f.part && mv ${archive}/%f.part ${archive}/%f`,
    restore_command: `cp ${archive}/%f %p`,
  }
  let count = 0
  let dataDir = join(home, 'first')
  const port = await freePort()
  let server: EmbeddedPostgres = await startEmbeddedPostgres({ dataDir, port, settings })
  const { url } = server
  const { uid, gid } = statSync(join(dataDir, 'cluster'))
  const owner: Owner = { uid, gid }
  chownSync(archive, uid, gid)

  return {
    url,
    async backUp(meanwhile) {
      const to = join(home, `backup-${++count}`)
      await baseBackup({ url, dataDir, owner }, to, meanwhile)
      return to
    },
    async lose() {
      await powerOff(server.pid)
      await server.stop()
      rmSync(kept, { recursive: true, force: true })
      copyTree(join(dataDir, 'cluster', 'pg_wal'), kept, owner)
      rmSync(dataDir, { recursive: true })
    },
    async restore(backup, to) {
      dataDir = join(home, `restored-${++count}`)
      mkdirSync(dataDir, { mode: 0o700 })
      const cluster = join(dataDir, 'cluster')
      copyTree(join(backup, 'cluster'), cluster, owner)
      copyFileSync(join(backup, 'password'), join(dataDir, 'password'))
      if (to === 'end') copyTree(kept, join(cluster, 'pg_wal'), owner)
      give(join(cluster, 'recovery.signal'), '', owner)
      const stopAt = {
        recovery_target: 'immediate',
        recovery_target_timeline: 'current',
        recovery_target_action: 'promote',
      }
      server = await startEmbeddedPostgres({
        dataDir,
        port,
        settings: to === 'end' ? settings : { ...settings, ...stopAt },
      })
    },
    async close() {
      await server.stop()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
