/** Says in the roster by which hosts the broker answers: links carry the first, and joiners refuse any that is not named. */
import { equalBytes, MeshError } from '@claudemesh/protocol'
import { dialMember } from '../connection/dial-member.ts'
import type { Link } from '../connection/link.ts'
import type { Address, Core } from '../core.ts'
import { appendEntry, requireRight, signedDraft } from '../roster/append.ts'

const MOST = 16

/**
 * Moves the mesh to another address of its broker: once the broker has proven there that it is the one the roster names,
 * its host stands first in a `broker` entry, and this client dials it from now on. True if an entry was written.
 * Throws `forbidden`, `unreachable`, `unauthenticated` (the broker does not know itself by that host), `integrity`.
 */
export async function moveBroker(
  core: Core,
  link: Link,
  webSocket: typeof WebSocket,
  address: Address,
): Promise<boolean> {
  requireRight(core, 'broker')
  const there = await dialMember({ ...core, address }, webSocket, {})
  there.close()
  const { broker } = core.keeper.roster
  if (!broker || !equalBytes(there.challenge.brokerKey, broker.key))
    throw new MeshError('integrity', 'another broker than that of the mesh answers there', {
      field: 'broker',
    })
  const written = await nameHost(core, link, address.host)
  core.address = address
  return written
}

/** Puts `host` first among those named; the others stay behind it, at most 16. */
async function nameHost(core: Core, link: Link, host: string): Promise<boolean> {
  const { roster } = core.keeper
  const written = await appendEntry(link, core.keeper, () => {
    const { broker } = roster
    if (!broker) throw new MeshError('integrity', 'the roster names no broker')
    if (broker.hosts[0] === host) return null
    requireRight(core, 'broker')
    const hosts = [host, ...broker.hosts.filter(named => named !== host)].slice(0, MOST)
    return signedDraft(core, 'broker', { hosts, key: broker.key, log: null })
  })
  return written !== null
}
