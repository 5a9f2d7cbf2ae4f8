/** What is run for sessions that nobody launched: the same programs, told which home is meant and that they were installed. */
import { INSTALLED, type InstalledPrograms } from '@claudemesh/claude'
import { HOOK, MCP_SERVER, WAKER } from '../launch/programs.ts'

/** Name of the MCP server in the user's settings: its tools become `mcp__claudemesh__<tool>`. */
export const MCP_NAME = 'claudemesh'

/** Settings may be shared or copied: what stands in them is no secret, only where the home is. */
export const hookPrograms = (home: string, mesh?: string): InstalledPrograms => ({
  hook: [...HOOK, `--home=${home}`, ...(mesh === undefined ? [] : [`--mesh=${mesh}`])],
  waker: [...WAKER, `--home=${home}`],
})

/** As `claude mcp add-json` takes it. */
export function mcpEntry(home: string): { type: 'stdio'; command: string; args: string[]; alwaysLoad: true } {
  const [command, ...args] = [...MCP_SERVER, `--home=${home}`, INSTALLED]
  return { type: 'stdio', command: command!, args, alwaysLoad: true }
}
