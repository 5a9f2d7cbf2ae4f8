/** What a process holds in memory, as the kernel counts it. */
import { readFileSync } from 'node:fs'

/** `VmRSS` of /proc/<pid>/status, bytes (proc_pid_status(5)). */
export function residentBytes(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  if (kib === undefined) throw new Error(`no VmRSS for ${pid}`)
  return Number(kib) * 1024
}
