/** What stands in a cluster's postmaster.pid: a server that runs, or the remains of one that was killed. */
import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MeshError } from '@claudemesh/protocol'

const STOP_MS = 20_000

/**
 * Makes sure that no server runs on this cluster. One whose starter died is stopped; one whose starter lives is
 * `already-running`; a pid file that names somebody else's process is removed.
 */
export async function clearPostmaster(dataDir: string, cluster: string): Promise<void> {
  const file = join(cluster, 'postmaster.pid')
  const pid = Number.parseInt(readIfThere(file) ?? '', 10)
  if (!Number.isSafeInteger(pid) || pid <= 0) return
  if (!isPostmasterOf(pid, cluster)) {
    rmSync(file, { force: true })
    return
  }
  if (ownerLives(dataDir))
    throw new MeshError(
      'already-running',
      'this data folder is in use by a running Postgres and its starter',
      { facts: { pid } },
    )
  process.kill(pid, 'SIGINT')
  await gone(pid, STOP_MS)
}

/** Notes who starts the server, so that a later start can tell an orphan from one that is in use. */
export function noteOwner(dataDir: string): void {
  writeFileSync(join(dataDir, 'owner'), `${process.pid} ${birth(process.pid)}\n`, { mode: 0o600 })
}

function ownerLives(dataDir: string): boolean {
  const [pid, born] = readIfThere(join(dataDir, 'owner'))?.trim().split(' ') ?? []
  return pid !== undefined && alive(Number(pid)) && birth(Number(pid)) === born
}

/** Resolves when the process is gone; kills it when it takes longer than `ms`. */
export async function gone(pid: number, ms: number): Promise<void> {
  const end = Date.now() + ms
  while (alive(pid)) {
    if (Date.now() > end) process.kill(pid, 'SIGKILL')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

function isPostmasterOf(pid: number, cluster: string): boolean {
  if (!alive(pid)) return false
  try {
    if (process.platform === 'linux') return readlinkSync(`/proc/${pid}/cwd`) === cluster
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).includes(cluster)
  } catch {
    return false
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

const isZombie = (pid: number) => statFields(pid)?.[0] === 'Z'

/** When a process began, in the system's own unit; a pid alone is used again. */
function birth(pid: number): string {
  return statFields(pid)?.[19] ?? ps(pid, 'lstart=').replaceAll(/\s+/g, '_')
}

/** /proc/<pid>/stat from its third field (state) on; the second may hold spaces. */
function statFields(pid: number): string[] | undefined {
  return readIfThere(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ')
}

function ps(pid: number, format: string): string {
  try {
    return execFileSync('ps', ['-o', format, '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
