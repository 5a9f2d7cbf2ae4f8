/** What a launched client is given: its plugin, settings and environment, and the relay of its hooks, all gone when it ends. */
import { openSessionReply } from '../api/schema.ts'
import { claudeArguments } from './claude-arguments.ts'
import type { Conversation } from './conversation.ts'
import { openHookRelay } from './hook-relay.ts'
import type { LaunchOptions, LaunchPlace } from './options.ts'
import { removePluginDir, writePluginDir, writeSettings } from './plugin-dir.ts'
import { STATUS_LINE } from './programs.ts'
import { settingsArgument } from './settings-argument.ts'

export interface Equipment {
  /** All arguments of `claude`. */
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  remove(): Promise<void>
}

/** Flags of claude that leave plugins and hooks unloaded: no message would ever be shown. */
const DEAF = ['--bare', '--safe-mode']

/** For the session that the daemon has opened with this reply. What could not be finished is taken back. */
export function equip(
  reply: unknown,
  conversation: Conversation,
  options: LaunchOptions,
  place: LaunchPlace,
): Equipment {
  const { tokenFile } = openSessionReply.parse(reply)
  const deaf = options.claude.find(argument => DEAF.includes(argument))
  if (deaf !== undefined) place.warn(`${deaf} leaves the mesh tools and delivery by hooks switched off`)
  const { uuid } = conversation
  const relay = openHookRelay({ home: place.home, tokenFile })
  const remove = async () => {
    await relay.stop()
    removePluginDir(place.home, uuid)
  }
  try {
    const dir = writePluginDir(place.home, uuid, relay)
    const { settings, rest } = settingsArgument(options.claude, STATUS_LINE, place)
    const extra = settings === undefined ? rest : ['--settings', writeSettings(dir, settings), ...rest]
    const how = { acceptTools: options.yes, headless: options.headless }
    return {
      args: claudeArguments(conversation, dir, extra, how),
      env: {
        ...place.env,
        CLAUDEMESH_HOME: place.home,
        CLAUDEMESH_SESSION: uuid,
        CLAUDEMESH_TOKEN_FILE: tokenFile,
      },
      remove,
    }
  } catch (error) {
    void remove()
    throw error
  }
}
