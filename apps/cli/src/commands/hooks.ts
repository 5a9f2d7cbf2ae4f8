/** `hooks`: makes every `claude` that is started by hand a session of the mesh, and undoes it. */

import {
  HOW_TO_INSTALL,
  locateClaude,
  type McpScope,
  mcpServer,
  type SettingsScope,
  setMcpServer,
  settingsFile,
} from '@claudemesh/claude'
import { MeshError, parseAs } from '@claudemesh/protocol'
import { type Command, Option } from 'commander'
import { callDaemon } from '../api/client.ts'
import { statusReply } from '../api/schema.ts'
import { type Installed, installHooks, uninstallHooks } from '../hooks/install.ts'
import { hookPrograms, MCP_NAME, mcpEntry } from '../hooks/programs.ts'
import { hooksStatus, type ScopeStatus } from '../hooks/status.ts'
import type { Cli } from '../output/cli.ts'
import { act, type CommonOptions, define, group } from './define.ts'

interface ScopeOptions extends CommonOptions {
  project?: boolean
  local?: boolean
  mcp?: boolean
}

export function addHooks(program: Command): void {
  const hooks = group(
    program,
    'hooks',
    'let a claude that is started by hand be a session of the mesh',
    'claudemesh hooks install',
  )
  const scoped = (command: Command): Command =>
    command
      .addOption(new Option('--project', "the project's shared settings, in this folder").conflicts('local'))
      .option('--local', 'your own settings for the project in this folder')

  const install = define(hooks, {
    usage: 'install',
    about: "put hooks and the mesh tools into Claude Code's settings; what stands there stays",
    examples: ['claudemesh hooks install', 'claudemesh hooks install --local'],
    mesh: true,
  })
  act<ScopeOptions>(
    scoped(install).option('--no-mcp', 'hooks alone: messages come, claude has no tool to send'),
    async (cli, options) => {
      const scope = scopeOf(options)
      const done = installHooks(cli.home, pathOf(scope), hookPrograms(cli.home, cli.mesh))
      const mcp = options.mcp === false ? null : installMcp(cli, mcpScope(scope))
      if (cli.json) return cli.object({ ...done, scope, mcp })
      cli.line(`${done.changed ? 'Installed' : 'Already installed'} in ${done.path}.`)
      if (done.backup !== null) cli.line(`What stood there before: ${done.backup}`)
      if (mcp === false)
        cli.note(`claudemesh: Claude Code was not found, so it has no mesh tools yet; ${HOW_TO_INSTALL}`)
      cli.line('Every claude started from now on is a session of the mesh; undo: claudemesh hooks uninstall')
    },
  )

  const uninstall = define(hooks, {
    usage: 'uninstall',
    about: 'take them out again; what you changed yourself since stays',
    examples: ['claudemesh hooks uninstall'],
  })
  act<ScopeOptions>(scoped(uninstall), async (cli, options) => {
    const scope = scopeOf(options)
    const done: Installed = uninstallHooks(cli.home, pathOf(scope))
    const mcp = uninstallMcp(mcpScope(scope))
    if (cli.json) return cli.object({ path: done.path, changed: done.changed, scope, mcp })
    cli.line(done.changed || mcp ? `Taken out of ${done.path}.` : `Nothing of ours is in ${done.path}.`)
  })

  const status = define(hooks, {
    usage: 'status',
    about: 'what is installed where, and whether it works',
    examples: ['claudemesh hooks status'],
  })
  act(status, async cli => {
    const found = hooksStatus(cli.home, process.env, process.cwd())
    const daemon = await daemonAnswers(cli.home)
    if (cli.json) return cli.object({ ...found, daemon })
    for (const scope of found.scopes) cli.line(lineOf(cli, scope))
    const where = (['user', 'local'] as const).filter(scope => found.mcp[scope])
    cli.line(`${mark(cli, where.length > 0)} mesh tools: ${where.join(', ') || 'not installed'}`)
    cli.line(
      `${mark(cli, daemon)} daemon: ${daemon ? 'answers' : 'does not answer: claudemesh daemon start'}`,
    )
    for (const why of found.off) cli.line(`${mark(cli, false)} switched off: ${why}`)
    cli.line('  A claude started with --bare or --safe-mode loads no hooks, wherever they are installed.')
  })
}

const scopeOf = ({ project, local }: ScopeOptions): SettingsScope =>
  project === true ? 'project' : local === true ? 'local' : 'user'
const pathOf = (scope: SettingsScope): string => settingsFile(scope, process.env, process.cwd())
/** A server in the project's `.mcp.json` would ask everybody who works there: one's own is meant. */
const mcpScope = (scope: SettingsScope): McpScope => (scope === 'user' ? 'user' : 'local')

const mark = (cli: Cli, well: boolean): string => (well ? cli.paint('green', '✓') : cli.paint('red', '✗'))

const WORDS: Record<ScopeStatus['hooks'], string> = {
  installed: 'hooks installed',
  outdated: 'hooks of another version or home: claudemesh hooks install',
  none: 'no hooks',
  unreadable: 'Claude Code does not load this file',
}

function lineOf(cli: Cli, { scope, path, hooks, why }: ScopeStatus): string {
  const sign = hooks === 'none' ? '-' : mark(cli, hooks === 'installed')
  return `${sign} ${scope}: ${WORDS[hooks]}${why === null ? '' : ` (${why})`}  ${path}`
}

/** Whether the tools are there; `false` where there is no claude to put them in. Throws `failed` with the client's own words. */
function installMcp(cli: Cli, scope: McpScope): boolean {
  const place = { name: MCP_NAME, scope, env: process.env, cwd: process.cwd() }
  const server = mcpEntry(cli.home)
  const stands = mcpServer(MCP_NAME, scope, place.env, place.cwd)
  if (Bun.deepEquals(stands, server)) return true
  const claude = locateClaude(process.env)
  if (claude === undefined) return false
  if (stands !== undefined) told(setMcpServer(claude, place))
  told(setMcpServer(claude, { ...place, server }))
  return true
}

function uninstallMcp(scope: McpScope): boolean {
  const place = { name: MCP_NAME, scope, env: process.env, cwd: process.cwd() }
  if (mcpServer(MCP_NAME, scope, place.env, place.cwd) === undefined) return false
  const claude = locateClaude(process.env)
  if (claude === undefined)
    throw new MeshError('no-claude', `Claude Code keeps the mesh tools in its own file; ${HOW_TO_INSTALL}`)
  told(setMcpServer(claude, place))
  return true
}

function told(complaint: string | undefined): void {
  if (complaint !== undefined)
    throw new MeshError(
      'conflict',
      `The hooks are done, the mesh tools are not; claude mcp says: ${complaint}`,
    )
}

/** Asked, never started: whoever looks changes nothing. */
async function daemonAnswers(home: string): Promise<boolean> {
  try {
    return parseAs(statusReply, await callDaemon('status', { home, signal: AbortSignal.timeout(2000) }))
      .success
  } catch {
    return false
  }
}
