/** After somebody left, the first admin online begins the next epoch. */
import { mayWrite, signRosterEntry } from '@claudemesh/crypto'
import { toBase64url } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { appendEntry, nextPlace } from '../roster/append.ts'
import { draftEpoch } from './epoch-drafts.ts'

/** True if it was written; a race that another admin won is no failure. */
export async function writeDueRekey(core: Core, link: Link): Promise<boolean> {
  const { keeper, identity, now } = core
  const due = (): boolean => {
    const self = keeper.roster.members.get(toBase64url(identity.member.publicKey))
    return keeper.roster.rekeyDue && self !== undefined && mayWrite('rekey', self.role)
  }
  if (!due()) return false
  const written = await appendEntry(link, keeper, () => {
    if (!due()) return null
    const place = nextPlace(keeper, now())
    const { epoch, copies } = draftEpoch(keeper, place.at, null)
    const entry = signRosterEntry(
      { ...place, kind: 'rekey', author: identity.member.publicKey, body: { epoch } },
      identity.member,
    )
    return { entry, copies }
  })
  return written !== null
}
