/** What is run for sessions that nobody launched: the same programs, told which home is meant and that they were installed. */
import { type Command, INSTALLED } from '@claudemesh/claude'
import { HOOK, MCP_SERVER } from '../launch/programs.ts'

/** Name of the MCP server in the user's settings: its tools become `mcp__claudemesh__<tool>`. */
export const MCP_NAME = 'claudemesh'

/** Settings may be shared or copied: what stands in them is no secret, only where the home is. */
export const hookProgram = (home: string, mesh?: string): Command => [
  ...HOOK,
  `--home=${home}`,
  ...(mesh === undefined ? [] : [`--mesh=${mesh}`]),
]

/** As `claude mcp add-json` takes it. */
export function mcpEntry(home: string): { type: 'stdio'; command: string; args: string[]; alwaysLoad: true } {
  const [command, ...args] = [...MCP_SERVER, `--home=${home}`, INSTALLED]
  return { type: 'stdio', command: command!, args, alwaysLoad: true }
}
