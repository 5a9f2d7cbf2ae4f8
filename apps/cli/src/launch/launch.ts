/** Starts the real `claude` as a session of the mesh: known to the daemon before it starts, closed when it ends. */
import { HOW_TO_INSTALL, locateClaude } from '@claudemesh/claude/start'
import { MeshError } from '@claudemesh/protocol/errors'
import { homePaths } from '../home/paths.ts'
import { type Conversation, chooseConversation, refuseOurs } from './conversation.ts'
import type { Equipment } from './equip.ts'
import type { LaunchOptions, LaunchPlace } from './options.ts'
import { type Ending, runClaude } from './run-claude.ts'

/**
 * Runs the client to its end and returns how it ended. Throws `no-claude` (exit 9), `usage`, `not-found`, and what the daemon refuses.
 * The client starts once its session is open at the daemon, whose broker hears of it meanwhile, as after any time without a connection.
 */
export async function launch(options: LaunchOptions, place: LaunchPlace): Promise<Ending> {
  const path = locateClaude(place.env)
  if (path === undefined)
    throw new MeshError('no-claude', `Claude Code is not on this machine; ${HOW_TO_INSTALL}`)
  refuseOurs(options.claude)
  const conversation = chooseConversation(options, place.env, place.cwd)
  const { uuid } = conversation
  const opening = place.call('openSession', {
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
      until: 'open',
    },
  })
  let keepToken: string | undefined
  const equipment = await equipped(opening, conversation, options, place)
  try {
    try {
      return await runClaude(path, equipment.args, equipment.env, options)
    } finally {
      keepToken = await equipment.end()
    }
  } finally {
    await closed(uuid, keepToken, place)
  }
}

/**
 * What the client is given, made while the daemon opens the session: neither waits for the other. Not where a conversation is gone on
 * with: its plugin may be in use, which the daemon knows alone. Throws what `opening` throws, and nothing is left of it then.
 */
async function equipped(
  opening: Promise<unknown>,
  conversation: Conversation,
  options: LaunchOptions,
  place: LaunchPlace,
): Promise<Equipment> {
  const { uuid, resumed } = conversation
  const expected = homePaths(place.home).sessionToken(uuid)
  const make = async (tokenFile: string) =>
    (await import('./equip.ts')).equip(tokenFile, conversation, options, place)
  const [reply, ahead] = await Promise.allSettled([opening, resumed ? undefined : make(expected)])
  const early = ahead.status === 'fulfilled' ? ahead.value : undefined
  if (reply.status === 'rejected') {
    await early?.end()
    throw reply.reason
  }
  try {
    const tokenFile = tokenFileOf(reply.value)
    if (ahead.status === 'rejected') throw ahead.reason
    if (early && tokenFile === expected) return early
    await early?.end()
    return await make(tokenFile)
  } catch (error) {
    await closed(uuid, undefined, place)
    throw error
  }
}

/** Of `openSessionReply` all that is needed here. Throws `internal`. */
function tokenFileOf(reply: unknown): string {
  const { tokenFile } = (reply ?? {}) as { tokenFile?: unknown }
  if (typeof tokenFile === 'string') return tokenFile
  throw new MeshError(
    'internal',
    "The daemon's answer is not understood (tokenFile): it is of another version. Restart it: `claudemesh daemon stop`.",
  )
}

const closed = async (uuid: string, keepToken: string | undefined, place: LaunchPlace): Promise<void> => {
  await place
    .call('closeSession', { params: { uuid }, body: { pid: process.pid, keepToken } })
    .catch(error => place.warn(`the session could not be closed at the daemon: ${error.message}`))
}

/** Ends this process as the client ended: the same exit code, or by the same signal. */
export function endAs(ending: Ending): never {
  if (ending.signal === null) process.exit(ending.code ?? 1)
  process.kill(process.pid, ending.signal)
  // Reached only where the signal does not end a process, or not at once.
  process.exit(1)
}
