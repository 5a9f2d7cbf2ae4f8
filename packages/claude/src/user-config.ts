/** The MCP servers that the user's `.claude.json` names: read here, written by the client's own `claude mcp` alone. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'

type Env = Readonly<Record<string, string | undefined>>

const servers = z.record(z.string(), z.unknown())
const userConfig = z.looseObject({
  mcpServers: servers.optional(),
  projects: z.record(z.string(), z.looseObject({ mcpServers: servers.optional() })).optional(),
})

/** `user`: for every folder; `local`: for one's own sessions in the folder `cwd`. */
export type McpScope = 'user' | 'local'

/** The server of this name as the client has it, or `undefined`; a file that cannot be read has none. */
export function mcpServer(name: string, scope: McpScope, env: Env, cwd: string): unknown {
  try {
    const path = join(env.CLAUDE_CONFIG_DIR || env.HOME || homedir(), '.claude.json')
    const config = userConfig.parse(JSON.parse(readFileSync(path, 'utf8')))
    return (scope === 'user' ? config : config.projects?.[cwd])?.mcpServers?.[name]
  } catch {
    return undefined
  }
}

/**
 * `claude mcp add-json` or, without `server`, `claude mcp remove`: the client keeps a lock on the file, which running sessions
 * write to as well. Answers what it complained of, or `undefined` where it is done.
 */
export function setMcpServer(
  claude: string,
  o: { name: string; scope: McpScope; server?: object; env: Env; cwd: string },
): string | undefined {
  const words = o.server === undefined ? ['remove'] : ['add-json']
  const args = ['mcp', ...words, '--scope', o.scope, o.name]
  if (o.server !== undefined) args.push(JSON.stringify(o.server))
  const done = spawnSync(claude, args, { encoding: 'utf8', timeout: 60_000, env: o.env, cwd: o.cwd })
  if (done.status === 0) return undefined
  return (done.stderr || done.error?.message || `it ended with ${done.status}`).trim().split('\n')[0]
}
