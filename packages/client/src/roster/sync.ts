/** Brings the pinned roster up to the broker's head, and refuses a broker whose history is shorter or another. */
import { MeshError } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { RosterKeeper } from './keeper.ts'
import { offerMissing } from './offer-missing.ts'

/** Largest number of pages in one run: a broker that promises more than it serves is not followed for ever. */
const MAX_PAGES = 10_000
/** A broker that is given back what it lost, and asks for more each time, is not fed for ever. */
const MAX_OFFERS = 8

/**
 * Fetches, verifies and pins until our head is the broker's. True if anything new came.
 * Throws `integrity` (forked, broken, or promised and not served), `clock`, `unavailable` (the broker lacks what this member
 * may not bring back), or what the link throws.
 */
export async function syncRoster(link: Link, keeper: RosterKeeper): Promise<boolean> {
  const began = keeper.roster.seq
  let offers = 0
  for (let page = 0; page < MAX_PAGES; page++) {
    const asked = keeper.wanted
    const reply = await link.request({ type: 'roster.get', from: asked }, 'roster')
    const before = keeper.roster.seq
    keeper.accept(reply.entries, reply.copies)
    keeper.copiesMissing = reply.copiesMissing === true
    const { seq } = keeper.roster
    if (reply.headSeq < seq) {
      if (++offers > MAX_OFFERS)
        throw new MeshError(
          'integrity',
          'the broker takes back roster entries and has lost them again each time',
          {
            facts: { seq: reply.headSeq },
          },
        )
      await offerMissing(link, keeper, reply.headSeq, reply.head)
      continue
    }
    if (reply.headSeq === seq) {
      if (!keeper.holds(seq, reply.head))
        throw new MeshError('integrity', 'the broker shows another history of the roster', { facts: { seq } })
      return seq > began
    }
    if (seq === before)
      throw new MeshError('integrity', 'the broker names roster entries that it does not serve', {
        facts: { seq, headSeq: reply.headSeq },
      })
  }
  throw new MeshError('integrity', 'the roster of the broker does not end')
}
