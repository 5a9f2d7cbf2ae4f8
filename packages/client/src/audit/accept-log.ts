/** The owner's word that another log stands in place of the one that was pinned: a `broker` entry that names both heads. */
import { MeshError } from '@claudemesh/protocol'
import { dialMember } from '../connection/dial-member.ts'
import type { Core } from '../core.ts'
import { appendEntry, requireRight, signedDraft } from '../roster/append.ts'
import { requireNamedBroker } from '../roster/standing.ts'
import { syncRoster } from '../roster/sync.ts'

/** The two heads of a log that was given up. */
export interface AcceptedLog {
  readonly old: number
  readonly now: number
}

/**
 * Accepts the log that the broker shows now, on a connection of its own: the usual one is stopped by what is to be accepted.
 * Throws `forbidden` for who is no owner, `conflict` where nothing was pinned or nothing is signed, `integrity`, `unreachable`.
 */
export async function acceptLog(core: Core, webSocket: typeof WebSocket): Promise<AcceptedLog> {
  const { keeper, audit } = core
  const link = await dialMember(core, webSocket, {})
  try {
    await syncRoster(link, keeper)
    requireNamedBroker(keeper, link)
    requireRight(core, 'broker')
    const { pinned } = audit
    const note = link.welcome.checkpoint
    if (!pinned || note === null)
      throw new MeshError('conflict', 'There are no two signed logs to choose between.')
    const shown = audit.open(note)
    await appendEntry(link, keeper, () => {
      const { hosts, key } = keeper.roster.broker!
      return signedDraft(core, 'broker', { hosts: [...hosts], key, log: { old: pinned.note, now: note } })
    })
    return { old: pinned.checkpoint.size, now: shown.size }
  } finally {
    link.close()
  }
}
