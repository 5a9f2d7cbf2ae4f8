/** Tells one process from every other that ever had its pid on this machine. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Boot and start time of a living process, or `undefined` if there is none.
 * Linux: boot id and field 22 of `/proc/<pid>/stat`, counted after the name in parentheses (proc(5)); elsewhere `ps -o lstart=`.
 */
export function processIdentity(pid: number): string | undefined {
  if (process.platform !== 'linux') return startByPs(pid)
  try {
    return identityIn(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return undefined
  }
}

/** The same of what stands in its `stat`; `undefined` for a zombie, which holds nothing any more and waits for its parent to look. */
export function identityIn(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${bootId()}/${fields[19]}`
}

/** Of all that live among these processes, by one `ps`. */
export function identitiesByPs(pids: readonly number[]): Map<number, string> {
  if (pids.length === 0) return new Map()
  const lines = ps('pid=,lstart=', pids.join(',')).split('\n')
  const living = lines.map(line => /^\s*(\d+)\s+(\S.*)$/.exec(line)).filter(found => found !== null)
  return new Map(living.map(([, pid, start]) => [Number(pid), start!.trim()]))
}

/** True while the very process lives that had this identity. */
export const isAlive = (pid: number, identity: string): boolean => processIdentity(pid) === identity

/** Read once: no process outlives the boot it was started in, and this is asked of every session every second. */
let boot: string | undefined

function bootId(): string {
  try {
    boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return boot
  } catch {
    return ''
  }
}

const startByPs = (pid: number): string | undefined => ps('lstart=', String(pid)).trim() || undefined

/** What `ps` prints of these columns; empty where none of the processes lives. */
function ps(columns: string, pids: string): string {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
  return spawnSync('ps', ['-o', columns, '-p', pids], { encoding: 'utf8', env }).stdout ?? ''
}
