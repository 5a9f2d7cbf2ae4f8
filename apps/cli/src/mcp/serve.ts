/** Runs the MCP server on stdio until its client hangs up. */
import { readFile } from 'node:fs/promises'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { callDaemon, type DaemonRequest, followDaemon } from '../api/client.ts'
import { sessionOfProcessReply } from '../api/schema.ts'
import { homePaths } from '../home/paths.ts'
import { type Daemon, makeMeshServer } from './server.ts'

/** Resolves when the transport is closed. `installed`: the home, and the claude process whose session speaks. */
export function serveMcp(version: string, installed?: { home: string; pid: number }): Promise<void> {
  const launched = { call: callDaemon, lines: followDaemon }
  return serve(makeMeshServer(installed === undefined ? launched : asSessionOf(installed), version))
}

/** A server without tools: the session has them from elsewhere. */
export const serveNothing = (version: string): Promise<void> =>
  serve(new McpServer({ name: 'claudemesh', version }))

/** stdout belongs to the protocol alone. */
async function serve(server: McpServer): Promise<void> {
  const closed = new Promise<void>(resolve => {
    server.server.onclose = resolve
    process.stdin.on('end', resolve).on('close', resolve)
  })
  await server.connect(new StdioServerTransport())
  await closed
}

/** Asked anew each time: `/resume` takes the process to another session. */
function asSessionOf({ home, pid }: { home: string; pid: number }): Daemon {
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
