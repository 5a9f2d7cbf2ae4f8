/** What a launched client is given: its plugin, settings and environment, and the relay of its hooks. Loads no schemas. */
import { basename } from 'node:path'
import { claudeConfigDir, jobsWithFlag } from '@claudemesh/claude/start'
import { claudeArguments } from './claude-arguments.ts'
import type { Conversation } from './conversation.ts'
import { openHookRelay } from './hook-relay.ts'
import type { LaunchOptions, LaunchPlace } from './options.ts'
import { pluginDirOf, removePluginDir, writePluginDir, writeSettings } from './plugin-dir.ts'
import { STATUS_LINE } from './programs.ts'
import { settingsArgument } from './settings-argument.ts'

export interface Equipment {
  /** All arguments of `claude`. */
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** All of it goes with the client, but what copies in the background go on with: then the name of the token that they speak by. */
  end(): Promise<string | undefined>
}

/** Without a terminal, as one prompt: each hook that is left out there is a process less that the client starts and waits for. */
const isPrinting = (extra: readonly string[]): boolean => extra.includes('-p') || extra.includes('--print')

/** Otherwise prompts come later, one by one. */
const hasPrompt = (extra: readonly string[]): boolean =>
  isPrinting(extra) && !extra.some(argument => argument.startsWith('--input-format'))

/** Flags of claude that leave plugins and hooks unloaded: no message would ever be shown. */
const DEAF = ['--bare', '--safe-mode']

/** For the session whose token the daemon puts, or has put, into this file. What could not be finished is taken back. */
export function equip(
  tokenFile: string,
  conversation: Conversation,
  options: LaunchOptions,
  place: LaunchPlace,
): Equipment {
  const deaf = options.claude.find(argument => DEAF.includes(argument))
  if (deaf !== undefined) place.warn(`${deaf} leaves the mesh tools and delivery by hooks switched off`)
  const { uuid } = conversation
  const { home } = place
  const relay = openHookRelay({ home, tokenFile })
  const dir = pluginDirOf(tokenFile)
  const end = async () => {
    const configDir = claudeConfigDir(place.env)
    const { port, token } = relay
    // What the client left running in the background (`/fork`, `/background`) goes on with this plugin and its token.
    const isKept =
      jobsWithFlag(configDir, dir).length > 0 &&
      (await (
        await import('./keep-relay.ts')
      ).keepRelay({ home, configDir, dir, tokenFile, uuid, port, token }))
    await relay.stop()
    if (!isKept) removePluginDir(dir)
    return isKept ? basename(tokenFile, '.token') : undefined
  }
  try {
    const { headless, claude } = options
    writePluginDir(tokenFile, relay, {
      onTerminal: !headless && !isPrinting(claude),
      isPrompted: !headless && hasPrompt(claude),
    })
    const { settings, rest } = settingsArgument(options.claude, STATUS_LINE, place)
    const extra = settings === undefined ? rest : ['--settings', writeSettings(dir, settings), ...rest]
    const how = { acceptTools: options.yes, headless: options.headless }
    return {
      args: claudeArguments(conversation, dir, extra, how),
      env: {
        ...place.env,
        CLAUDEMESH_HOME: home,
        CLAUDEMESH_SESSION: uuid,
        CLAUDEMESH_TOKEN_FILE: tokenFile,
      },
      end,
    }
  } catch (error) {
    void relay.stop()
    removePluginDir(dir)
    throw error
  }
}
