/** Starts the real `claude` as a session of the mesh: known to the daemon before it starts, closed when it ends. */
import { HOW_TO_INSTALL, locateClaude } from '@claudemesh/claude/start'
import { MeshError } from '@claudemesh/protocol/errors'
import { chooseConversation, refuseOurs } from './conversation.ts'
import type { LaunchOptions, LaunchPlace } from './options.ts'
import { type Ending, runClaude } from './run-claude.ts'

/**
 * Runs the client to its end and returns how it ended. Throws `no-claude` (exit 9), `usage`, `not-found`, and what the daemon refuses.
 * What the client is given is loaded while the daemon opens the session: neither waits for the other.
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
    },
  })
  const [reply, { equip }] = await Promise.all([opening, import('./equip.ts')])
  let keepToken: string | undefined
  try {
    const equipment = equip(reply, conversation, options, place)
    try {
      return await runClaude(path, equipment.args, equipment.env, options)
    } finally {
      keepToken = await equipment.end()
    }
  } finally {
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
