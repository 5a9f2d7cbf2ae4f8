/** The files of a Claude Code plugin that serves one session: hooks and an MCP server, loaded with `--plugin-dir`. */
import { HOOKS_USED } from './hooks.ts'

/** Program and arguments, to be run without a shell's help: every word is quoted where a shell will read it. */
export type Command = readonly [string, ...string[]]

export interface PluginParts {
  /** Run at every hook with the payload on stdin. */
  readonly hook: Command
  /** Seconds after which the client stops waiting for a hook. */
  readonly hookTimeoutSeconds: number
  /** MCP server on stdio. */
  readonly server: Command
}

/** Names of plugin and server: the tools become `mcp__plugin_claudemesh_mesh__<tool>`. */
const PLUGIN = 'claudemesh'
const SERVER = 'mesh'

/** What `--allowedTools` or a permission rule calls all our tools. */
export const TOOL_RULE = `mcp__plugin_${PLUGIN}_${SERVER}`

/** Paths inside the plugin's folder and their contents (format of 2.1.329). Command hooks: SessionStart takes no other. */
export function pluginFiles(parts: PluginParts): Record<string, string> {
  const command = parts.hook.map(shellQuoted).join(' ')
  const hook = { hooks: [{ type: 'command', command, timeout: parts.hookTimeoutSeconds }] }
  const [program, ...args] = parts.server
  return {
    '.claude-plugin/plugin.json': text({ name: PLUGIN, description: 'This session as a peer of the mesh' }),
    'hooks/hooks.json': text({ hooks: Object.fromEntries(HOOKS_USED.map(event => [event, [hook]])) }),
    '.mcp.json': text({ mcpServers: { [SERVER]: { command: program, args, alwaysLoad: true } } }),
  }
}

const text = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** POSIX shell, single quotes: nothing inside is special but the quote itself. */
const shellQuoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`
