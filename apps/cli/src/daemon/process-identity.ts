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
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie holds nothing any more: it only waits for its parent to look.
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined
    return `${bootId()}/${fields[19]}`
  } catch {
    return undefined
  }
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

function startByPs(pid: number): string | undefined {
  const { status, stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  })
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined
}
