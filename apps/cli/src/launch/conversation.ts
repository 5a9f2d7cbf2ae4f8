/** Decides which conversation a launch continues, copies or begins. Loads no schemas. */
import { claudeConfigDir, newestSessionOf } from '@claudemesh/claude/start'
import { MeshError } from '@claudemesh/protocol/errors'

export interface Conversation {
  /** UUID of Claude's session, which is the mesh session's too. */
  readonly uuid: string
  readonly resumed: boolean
  /** The conversation that it begins as a copy of (`--fork-session`). */
  readonly copyOf?: string
}

const FORK = '--fork-session'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** Flags of claude that change the id under us, and what to use instead. */
const OURS: Record<string, string> = {
  '--session-id': 'the session id is chosen by launch',
  '--resume': 'put --resume ID before the --',
  '-r': 'put --resume ID before the --',
  '--continue': 'put --continue before the --',
  '-c': 'put --continue before the --',
  '--bg': 'a background session takes no fixed id',
}

/**
 * A new conversation, the one named by `resume`, or with `continue` the newest of this directory; with `--fork-session` among the
 * client's own arguments a copy of that.
 */
export function chooseConversation(
  options: {
    resume?: string | undefined
    continue?: boolean | undefined
    claude: readonly string[]
  },
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Conversation {
  const chosen = namedConversation(options, env, cwd)
  if (!options.claude.includes(FORK)) return chosen
  if (!chosen.resumed)
    throw new MeshError(
      'usage',
      `${FORK} copies a conversation: put --resume ID or --continue before the --.`,
    )
  return { uuid: crypto.randomUUID(), resumed: false, copyOf: chosen.uuid }
}

function namedConversation(
  options: { resume?: string | undefined; continue?: boolean | undefined },
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Conversation {
  if (options.resume !== undefined && options.continue === true)
    throw new MeshError('usage', 'Give either --resume or --continue, not both.')
  if (options.continue === true) {
    const uuid = newestSessionOf(claudeConfigDir(env), cwd)
    if (uuid === undefined)
      throw new MeshError('not-found', 'No earlier session in this directory; launch without --continue.')
    return { uuid, resumed: true }
  }
  if (options.resume === undefined) return { uuid: crypto.randomUUID(), resumed: false }
  const uuid = options.resume.toLowerCase()
  if (!UUID.test(uuid))
    throw new MeshError(
      'usage',
      '--resume takes the full session id, as `claudemesh session list` shows it.',
      {
        field: 'resume',
      },
    )
  return { uuid, resumed: true }
}

/** Throws `usage` if a flag that belongs to launch stands among the client's own arguments. */
export function refuseOurs(extra: readonly string[]): void {
  for (const argument of extra) {
    const why = OURS[argument.split('=', 1)[0]!]
    if (why !== undefined)
      throw new MeshError('usage', `${argument} cannot be passed to claude here: ${why}.`)
  }
}
