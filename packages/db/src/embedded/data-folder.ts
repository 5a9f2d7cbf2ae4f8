/** The data folder: made whole or not at all, refused with one clear line when it is not ours to start. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { MeshError } from '@claudemesh/protocol'
import type { Binaries, RunAs } from './binaries.ts'

export const SUPERUSER = 'claudemesh'

export interface DataFolder {
  /** The cluster itself, owned by whoever runs Postgres. */
  readonly cluster: string
  readonly password: string
}

/**
 * Opens `dataDir` (0700, ours; inside: `cluster`, `password` 0600), running initdb where it is empty.
 * Throws MeshError: `forbidden` without the right to write, `conflict` for another major version, `internal` when broken.
 */
export async function openDataFolder(
  dataDir: string,
  binaries: Binaries,
  runAs: RunAs | null,
): Promise<DataFolder> {
  const cluster = join(dataDir, 'cluster')
  const passwordFile = join(dataDir, 'password')
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    if (existsSync(cluster)) checkVersion(cluster, binaries.major)
    else if (readdirSync(dataDir).some(name => !KNOWN.has(name))) {
      throw new MeshError(
        'internal',
        'the data folder holds other files and no Postgres cluster: name an empty one',
      )
    } else await create(dataDir, binaries, runAs)
    return { cluster, password: readFileSync(passwordFile, 'utf8').trim() }
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    const code = cause instanceof Error && 'code' in cause ? cause.code : ''
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      throw new MeshError('forbidden', 'the data folder cannot be written by this user', {
        cause,
        facts: { folder: dataDir },
      })
    }
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EEXIST') {
      throw new MeshError('internal', 'the data folder is broken: a part of it is missing', {
        cause,
        facts: { folder: dataDir },
      })
    }
    throw new MeshError('internal', 'the data folder cannot be opened', { cause, facts: { folder: dataDir } })
  }
}

const KNOWN = new Set(['cluster.new', 'password', 'password.init', 'owner'])

function checkVersion(cluster: string, major: number): void {
  const made = Number.parseInt(readFileSync(join(cluster, 'PG_VERSION'), 'utf8'), 10)
  if (made > major)
    throw new MeshError(
      'conflict',
      `the data folder was made by Postgres ${made}, newer than this one (${major})`,
    )
  if (made < major)
    throw new MeshError(
      'conflict',
      `the data folder was made by Postgres ${made}: dump it there, this one is ${major}`,
    )
  if (made !== major) throw new MeshError('internal', 'the data folder is broken: its version cannot be read')
}

/** initdb beside the final name, then one rename: a crash leaves nothing half made. */
async function create(dataDir: string, binaries: Binaries, runAs: RunAs | null): Promise<void> {
  const fresh = join(dataDir, 'cluster.new')
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { mode: 0o700 })
  if (runAs) chownSync(fresh, runAs.uid, runAs.gid)
  const password = randomBytes(24).toString('base64url')
  const passwordFile = join(dataDir, 'password')
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  chmodSync(passwordFile, 0o600)
  // Handed over as an open file that its reader owns: never an argument, never an environment variable.
  const handOver = join(dataDir, 'password.init')
  writeFileSync(handOver, `${password}\n`, { mode: 0o600 })
  if (runAs) chownSync(handOver, runAs.uid, runAs.gid)
  const open = openSync(handOver, 'r')
  try {
    await initdb(binaries, fresh, open, runAs)
  } finally {
    closeSync(open)
    rmSync(handOver)
  }
  renameSync(fresh, join(dataDir, 'cluster'))
  const folder = openSync(dataDir, 'r')
  fsyncSync(folder)
  closeSync(folder)
}

function initdb(binaries: Binaries, folder: string, password: number, runAs: RunAs | null): Promise<void> {
  const args = [
    '-D',
    clusterPath(folder, runAs),
    '-U',
    SUPERUSER,
    '-E',
    'UTF8',
    '--locale=C',
    '--auth=scram-sha-256',
    '--pwfile=/dev/stdin',
    '--no-instructions',
    '--sync-method=syncfs',
  ]
  if (process.platform !== 'linux') args.pop()
  return new Promise((resolve, reject) => {
    const child = spawn(binaries.initdb, args, {
      ...spawnAs(folder, runAs),
      stdio: [password, 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr!.on('data', chunk => {
      said += String(chunk)
    })
    child.on('error', reject)
    child.on('close', code => {
      if (code === 0) resolve()
      else
        reject(
          new MeshError('internal', 'initdb could not make the data folder', {
            cause: new Error(said.trim()),
          }),
        )
    })
  })
}

/**
 * How the cluster is named to Postgres. The user "nobody" cannot pass root's 0700 folders by name, but the process
 * starts inside the cluster: Linux's link to one's own working directory leads there without passing them.
 */
export const clusterPath = (cluster: string, runAs: RunAs | null): string =>
  runAs && process.platform === 'linux' ? '/proc/self/cwd' : cluster

/**
 * What a backend has allocated for a batch of large bodies it keeps for the next one. By itself glibc gives what is beyond twice the largest
 * block back to the system each time, and every page of it is fetched again (mallopt(3); other C libraries do not know these).
 */
const MALLOC = { MALLOC_MMAP_THRESHOLD_: String(16 << 20), MALLOC_TRIM_THRESHOLD_: String(16 << 20) }

/** A clean environment: no PG* variable of the caller's reaches the server. */
export const spawnAs = (cluster: string, runAs: RunAs | null) => ({
  cwd: cluster,
  env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...MALLOC },
  ...(runAs ?? {}),
})
