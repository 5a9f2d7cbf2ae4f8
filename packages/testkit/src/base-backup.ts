/** A base backup of a server that works, as pg_basebackup takes it, from its own folder. */
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { copyTree, give, makeFolder, type Owner } from './copy-tree.ts'
import { onServer } from './on-server.ts'

/** Of one server alone: a copy has these folders empty, and these files not at all. */
const EMPTY = ['pg_replslot', 'pg_dynshmem']
const LEFT_OUT = new Set([...EMPTY, 'postmaster.pid', 'postmaster.opts'])

/** Copies the data folder of the server at `url` to the folder `to`, which is made; `meanwhile` runs before and behind the copy. */
export async function baseBackup(
  { url, dataDir, owner }: { url: string; dataDir: string; owner: Owner },
  to: string,
  meanwhile: () => Promise<unknown> = async () => {},
): Promise<void> {
  const cluster = join(to, 'cluster')
  mkdirSync(to, { mode: 0o700 })
  await onServer(url, async sql => {
    await sql`select pg_backup_start('backup', true)`
    await meanwhile()
    copyTree(join(dataDir, 'cluster'), cluster, owner, LEFT_OUT)
    for (const name of EMPTY) makeFolder(join(cluster, name), owner)
    await meanwhile()
    const [{ label } = { label: '' }] = await sql<{ label: string }[]>`
      select labelfile as label from pg_backup_stop(true)`
    give(join(cluster, 'backup_label'), label, owner)
  })
  copyFileSync(join(dataDir, 'password'), join(to, 'password'))
}
