/** Whose session speaks through the tools: the one whose token is in the environment, or the one that a claude process is in. */
import { readFile } from 'node:fs/promises'
import { callDaemon, type DaemonRequest, followDaemon } from '../api/client.ts'
import { sessionOfProcessReply } from '../api/session-schema.ts'
import { homePaths } from '../home/paths.ts'
import type { Daemon } from './calls.ts'

/** `installed`: the home, and the claude process whose session speaks. */
export function daemonOf(installed: { home: string; pid: number } | undefined): Daemon {
  if (installed === undefined) return { call: callDaemon, lines: followDaemon }
  const { home, pid } = installed
  // Asked anew each time: `/resume` takes the process to another session.
  const asSession = async (request: DaemonRequest = {}) => {
    const token = (await readFile(homePaths(home).token, 'utf8').catch(() => '')).trim()
    const { tokenFile } = sessionOfProcessReply.parse(
      await callDaemon('sessionOfProcess', { home, token, body: { pid } }),
    )
    return { ...request, home, token: (await readFile(tokenFile, 'utf8')).trim() }
  }
  return {
    call: async (route, request) => callDaemon(route, await asSession(request)),
    lines: async (route, request) => followDaemon(route, await asSession(request)),
  }
}
