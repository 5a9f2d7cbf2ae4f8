/** Ends a Postgres as a power failure does: no process of it writes a byte more. */
import { execFileSync } from 'node:child_process'

const LOOK_MS = 5

/** Kills the postmaster and every backend, and resolves when none runs. A backend left alone would end its commit and say so. */
export async function powerOff(postmaster: number): Promise<void> {
  process.kill(postmaster, 'SIGSTOP')
  const all = [postmaster, ...processes().flatMap(({ pid, parent }) => (parent === postmaster ? [pid] : []))]
  for (const pid of all) killIfThere(pid)
  const runs = () => processes().some(({ pid, state }) => all.includes(pid) && !state.startsWith('Z'))
  while (runs()) await new Promise(resolve => setTimeout(resolve, LOOK_MS))
}

function processes(): { pid: number; parent: number; state: string }[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' }).trim().split('\n')
  return lines.map(line => {
    const [pid, parent, state] = line.trim().split(/\s+/)
    return { pid: Number(pid), parent: Number(parent), state: state! }
  })
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
