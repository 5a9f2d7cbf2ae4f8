/** Brings the pinned roster up to the broker's head, and refuses a broker whose history is shorter or another. */
import { MeshError } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { RosterKeeper } from './keeper.ts'

/** Largest number of pages in one run: a broker that promises more than it serves is not followed for ever. */
const MAX_PAGES = 10_000

/**
 * Fetches, verifies and pins until our head is the broker's. True if anything new came.
 * Throws `integrity` (forked, broken, or promised and not served), `clock`, or what the link throws.
 */
export async function syncRoster(link: Link, keeper: RosterKeeper): Promise<boolean> {
  const began = keeper.roster.seq
  for (let page = 0; page < MAX_PAGES; page++) {
    const asked = keeper.wanted
    const reply = await link.request({ type: 'roster.get', from: asked }, 'roster')
    const before = keeper.roster.seq
    keeper.accept(reply.entries, reply.copies)
    const { seq } = keeper.roster
    if (reply.headSeq < seq) {
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

/** A broker restored from an older database lacks entries that we hold signed: it gets them back. */
async function offerMissing(
  link: Link,
  keeper: RosterKeeper,
  headSeq: number,
  head: Uint8Array,
): Promise<void> {
  if (!keeper.holds(headSeq, head))
    throw new MeshError('integrity', 'the broker shows another history of the roster', {
      facts: { seq: headSeq },
    })
  for (const entry of keeper.entries.slice(headSeq + 1))
    try {
      await link.request({ type: 'roster.append', entry, copies: null }, 'appended')
    } catch (error) {
      if (error instanceof MeshError && error.code === 'stale-head') return
      if (
        error instanceof MeshError &&
        ['unreachable', 'timeout', 'unavailable', 'draining', 'rate'].includes(error.code)
      )
        throw error
      throw new MeshError('integrity', 'the broker lacks roster entries and does not take them back', {
        cause: error,
        facts: { seq: entry.seq },
      })
    }
}
