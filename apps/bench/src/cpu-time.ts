/** CPU time and memory of processes: what a message costs, also where other work shares the machine. Linux only. */
import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of /proc are 1/100 s on every Linux that Bun runs on. */
const TICK_MS = 10

interface Process {
  readonly pid: number
  readonly parent: number
  readonly ms: number
}

/** User and system time of `roots` and their children so far; 0 where there is no /proc. */
export function cpuTime(roots: readonly number[]): number {
  const all = processes()
  const counted = new Set(roots)
  let before = 0
  while (before !== counted.size) {
    before = counted.size
    for (const { pid, parent } of all) if (counted.has(parent)) counted.add(pid)
  }
  return all.reduce((sum, { pid, ms }) => sum + (counted.has(pid) ? ms : 0), 0)
}

function processes(): Process[] {
  try {
    return readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .flatMap(name => readProcess(Number(name)))
  } catch {
    return []
  }
}

/** Fields of proc_pid_stat(5) behind the name, which may hold blanks: 4 parent, 14 user time, 15 system time. */
function readProcess(pid: number): Process[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return [{ pid, parent: Number(fields[1]), ms: (Number(fields[11]) + Number(fields[12])) * TICK_MS }]
  } catch {
    // It ended between the two reads.
    return []
  }
}

/** What a process has resident, bytes; 0 where there is no /proc. */
export function residentBytes(pid: number): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kib ?? 0) * 1024
  } catch {
    return 0
  }
}
