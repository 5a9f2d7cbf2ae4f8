/** Runs the MCP server on stdio until its client hangs up. What a tool does is loaded when it is first called. */
import type { Daemon } from './calls.ts'
import { serveTools } from './stdio.ts'
import { INSTRUCTIONS, TOOLS } from './tools.ts'

const NAME = 'claudemesh'

/** Resolves when stdin ends. `installed`: the home, and the claude process whose session speaks. */
export async function serveMcp(version: string, installed?: { home: string; pid: number }): Promise<void> {
  let daemon: Promise<Daemon> | undefined
  await serveTools(
    {
      name: NAME,
      version,
      instructions: INSTRUCTIONS,
      tools: TOOLS,
      async call(name, args) {
        const { callTool } = await import('./calls.ts')
        daemon ??= import('./daemon-of.ts').then(({ daemonOf }) => daemonOf(installed))
        return callTool(await daemon, name, args)
      },
    },
    Bun.stdin.stream(),
    writeLine,
  )
}

/** A server without tools: the session has them from elsewhere. */
export const serveNothing = (version: string): Promise<void> =>
  serveTools({ name: NAME, version, tools: [], call: none }, Bun.stdin.stream(), writeLine)

const none = (): never => {
  throw new Error('a server without tools was asked for one')
}

const out = Bun.stdout.writer()

/** stdout belongs to the protocol alone. */
function writeLine(line: string): void {
  out.write(line)
  void out.flush()
}
