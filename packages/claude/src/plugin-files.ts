/** The files of a Claude Code plugin that serves one session: hooks and an MCP server, loaded with `--plugin-dir`. */
import { HOOKS_USED } from './hooks-used.ts'
import { type Command, shellCommand } from './shell-command.ts'
import { MESH_SKILL } from './skill.ts'

export interface PluginParts {
  /** Run with the payload on stdin at the hooks that take no URL. */
  readonly hook: Command
  /** Gets the payload of every other hook by POST, with `hookToken` as bearer. */
  readonly hookUrl: string
  readonly hookToken: string
  /** Seconds after which the client stops waiting for a hook. */
  readonly hookTimeoutSeconds: number
  /** Waits until something shall wake the session, then ends with 2 and says it on stderr. Absent: nothing can wake it so. */
  readonly waker?: Command | undefined
  /** The prompt comes with the start: its own hook tells of the session in a moment, and none is run at the start. */
  readonly isPrompted?: boolean
  /** MCP server on stdio. */
  readonly server: Command
}

/** Names of plugin and server: the tools become `mcp__plugin_claudemesh_mesh__<tool>`. */
const PLUGIN = 'claudemesh'
const SERVER = 'mesh'

/** A session is idle behind these. */
const WAKER_EVENTS: readonly string[] = ['SessionStart', 'Stop']
/** A day; what waits longer is started anew at the end of the next turn. */
const WAKER_SECONDS = 86_400

/**
 * The hook that waits to wake the session, at the events behind which it is idle; none at others. Without a terminal the client waits
 * for it like for any other (2.1.329): the shell ends it there, before a program has started.
 */
export const wakerAt = (event: string, waker: string) =>
  WAKER_EVENTS.includes(event)
    ? [{ type: 'command', command: onTerminal(waker), asyncRewake: true, timeout: WAKER_SECONDS }]
    : []

const onTerminal = (command: string): string => `[ "$CLAUDE_CODE_ENTRYPOINT" != cli ] || exec ${command}`

/** What `--allowedTools` or a permission rule calls all our tools. */
export const TOOL_RULE = `mcp__plugin_${PLUGIN}_${SERVER}`

/** The client refuses http hooks here (2.1.329). */
const COMMAND_ONLY: ReadonlySet<string> = new Set(['SessionStart'])

/**
 * Sources of SessionStart. A client that starts anew is one whose launcher has opened its session already: it need not wait until the
 * hook's program ran (60 ms of its start, 2.1.329). At the others the conversation changes: what comes behind is of the next one.
 */
const AT_FIRST_START = 'startup'
const AT_OTHER_STARTS = '^(?!startup$)'

/** Paths inside the plugin's folder and their contents (format of 2.1.329). */
export function pluginFiles(parts: PluginParts): Record<string, string> {
  const timeout = parts.hookTimeoutSeconds
  const command = { type: 'command', command: `exec ${shellCommand(parts.hook)}`, timeout }
  const http = {
    type: 'http',
    url: parts.hookUrl,
    timeout,
    headers: { Authorization: `Bearer ${parts.hookToken}` },
  }
  const waker = parts.waker && shellCommand(parts.waker)
  const hooks = HOOKS_USED.map(event => {
    const wakers = waker === undefined ? [] : wakerAt(event, waker)
    const group = (told: object, matcher?: string) => ({
      ...(matcher && { matcher }),
      hooks: [told, ...wakers],
    })
    if (!COMMAND_ONLY.has(event)) return [event, [group(http)]]
    const atFirst = parts.isPrompted ? [] : [group({ ...command, async: true }, AT_FIRST_START)]
    return [event, [...atFirst, group(command, AT_OTHER_STARTS)]]
  })
  const [program, ...args] = parts.server
  return {
    '.claude-plugin/plugin.json': text({ name: PLUGIN, description: 'This session as a peer of the mesh' }),
    'hooks/hooks.json': text({ hooks: Object.fromEntries(hooks) }),
    '.mcp.json': text({ mcpServers: { [SERVER]: { command: program, args, alwaysLoad: true } } }),
    'skills/mesh/SKILL.md': MESH_SKILL,
  }
}

const text = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
