/** Runs the MCP server on stdio until its client hangs up. */
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { callDaemon, followDaemon } from '../api/client.ts'
import { makeMeshServer } from './server.ts'

/** Resolves when the transport is closed. stdout belongs to the protocol alone. */
export async function serveMcp(version: string): Promise<void> {
  const server = makeMeshServer({ call: callDaemon, lines: followDaemon }, version)
  const closed = new Promise<void>(resolve => {
    server.server.onclose = resolve
    process.stdin.on('end', resolve).on('close', resolve)
  })
  await server.connect(new StdioServerTransport())
  await closed
}
