/** Starts the real `claude` as a session of the mesh: known to the daemon before it starts, closed when it ends. */
import { basename } from 'node:path'
import { claudeConfigDir, HOW_TO_INSTALL, jobsWithFlag, locateClaude } from '@claudemesh/claude'
import { MeshError } from '@claudemesh/protocol'
import { openSessionReply } from '../api/schema.ts'
import { chooseConversation, claudeArguments, refuseOurs } from './claude-arguments.ts'
import { openHookRelay } from './hook-relay.ts'
import { keepRelay } from './keep-relay.ts'
import { pluginDirOf, removePluginDir, writePluginDir, writeSettings } from './plugin-dir.ts'
import { STATUS_LINE } from './programs.ts'
import { type Ending, runClaude } from './run-claude.ts'
import { settingsArgument } from './settings-argument.ts'

export interface LaunchOptions {
  readonly mesh?: string | undefined
  readonly name?: string | undefined
  readonly role?: string | undefined
  readonly groups?: readonly string[] | undefined
  readonly resume?: string | undefined
  readonly continue?: boolean | undefined
  /** Absent: as it was the last time, else `push`. */
  readonly deliver?: 'push' | 'inbox' | 'off' | undefined
  /** Ask no permission for the mesh tools. */
  readonly yes: boolean
  /** No terminal: turns come from stdin as JSON lines, and from the mesh; it lives until it is ended. */
  readonly headless: boolean
  /** Arguments for `claude`, as they are. */
  readonly claude: readonly string[]
}

/** What launch needs around it: the daemon, its home, and the environment `claude` shall see. */
export interface LaunchPlace {
  /** Asks the daemon; throws `MeshError`. */
  readonly call: (
    route: 'openSession' | 'closeSession',
    request: { params?: Record<string, string>; body?: unknown },
  ) => Promise<unknown>
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly warn: (line: string) => void
}

/** Flags of claude that leave plugins and hooks unloaded: no message would ever be shown. */
const DEAF = ['--bare', '--safe-mode']

/**
 * Runs the client to its end and returns how it ended. Throws `no-claude` (exit 9), `usage`, `not-found`, and what the daemon refuses.
 */
export async function launch(options: LaunchOptions, place: LaunchPlace): Promise<Ending> {
  const path = locateClaude(place.env)
  if (path === undefined)
    throw new MeshError('no-claude', `Claude Code is not on this machine; ${HOW_TO_INSTALL}`)
  refuseOurs(options.claude)
  const conversation = chooseConversation(options, place.env, place.cwd)
  const { uuid } = conversation
  const session = openSessionReply.parse(
    await place.call('openSession', {
      body: {
        uuid,
        mesh: options.mesh,
        name: options.name,
        role: options.role,
        groups: options.groups,
        directory: place.cwd,
        kind: 'claude',
        deliver: options.deliver,
        pid: process.pid,
      },
    }),
  )
  const deaf = options.claude.find(argument => DEAF.includes(argument))
  if (deaf !== undefined) place.warn(`${deaf} leaves the mesh tools and delivery by hooks switched off`)
  const { tokenFile } = session
  const relay = openHookRelay({ home: place.home, tokenFile })
  const dir = pluginDirOf(tokenFile)
  try {
    writePluginDir(tokenFile, relay)
    const env = {
      ...place.env,
      CLAUDEMESH_HOME: place.home,
      CLAUDEMESH_SESSION: uuid,
      CLAUDEMESH_TOKEN_FILE: tokenFile,
    }
    const { headless, yes: acceptTools } = options
    const { settings, rest } = settingsArgument(options.claude, STATUS_LINE, place)
    const extra = settings === undefined ? rest : ['--settings', writeSettings(dir, settings), ...rest]
    const args = claudeArguments(conversation, dir, extra, { acceptTools, headless })
    return await runClaude(path, args, env, { headless })
  } finally {
    const configDir = claudeConfigDir(place.env)
    // What the client left running in the background (`/fork`, `/background`) goes on with this plugin and its token.
    const isKept =
      jobsWithFlag(configDir, dir).length > 0 &&
      (await keepRelay({
        home: place.home,
        configDir,
        dir,
        tokenFile,
        uuid,
        port: relay.port,
        token: relay.token,
      }))
    await relay.stop()
    if (!isKept) removePluginDir(dir)
    const keepToken = isKept ? basename(tokenFile, '.token') : undefined
    await place
      .call('closeSession', { params: { uuid }, body: { pid: process.pid, keepToken } })
      .catch(error => place.warn(`the session could not be closed at the daemon: ${error.message}`))
  }
}

/** Ends this process as the client ended: the same exit code, or by the same signal. */
export function endAs(ending: Ending): never {
  if (ending.signal === null) process.exit(ending.code ?? 1)
  process.kill(process.pid, ending.signal)
  // Reached only where the signal does not end a process, or not at once.
  process.exit(1)
}
