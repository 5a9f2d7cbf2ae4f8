/** Whether a tool of a session runs now, by the process table: what a turn starts are children of its Claude process. */
import { readdirSync, readFileSync } from 'node:fs'
import { processStart } from './sessions-file.ts'

/** Clock ticks of /proc are 1/100 s on every Linux that Claude Code runs on. */
const TICK_MS = 10

/**
 * True where `pid` has a living child that was started after `since` (ms since 1970): MCP servers and the like are older
 * than the turn. Linux only; false where there is no /proc.
 */
export function startedChildSince(pid: number, since: number, now: number = Date.now()): boolean {
  try {
    const bootedAt = now - Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000
    return children(pid).some(child => bootedAt + Number(processStart(child) ?? 0) * TICK_MS >= since)
  } catch {
    return false
  }
}

const children = (pid: number): number[] =>
  readdirSync(`/proc/${pid}/task`).flatMap(thread =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
      .split(' ')
      .filter(name => /^\d+$/.test(name))
      .map(Number),
  )
