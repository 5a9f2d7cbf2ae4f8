/** Keeps an inbox bounded: no more unread messages than it may hold, and of no member more than a share of them. */
import type { InboxState, InboxStore, Owner } from '@claudemesh/client'

/** What lies unread, released or not. */
const UNREAD: readonly InboxState[] = ['early', 'waiting', 'unread', 'pushed']

export interface Room {
  /** Whether one more text of this member (base64url) may lie unread in the mailbox; counts it if so. */
  take(owner: Owner, member: string, most: { inbox: number; inboxMember: number }): boolean
}

/** Mailboxes and members counted at once; beyond it they are counted anew. */
const MOST_COUNTED = 10_000

/** Counts what comes and asks the store only when a bound seems reached: what was read meanwhile left room. */
export function roomIn(inbox: Pick<InboxStore, 'count'>): Room {
  /** At least as many as there are. */
  const counted = new Map<string, number>()
  const fits = (name: string, most: number, count: () => number): boolean => {
    let held = counted.get(name)
    if (held === undefined || held >= most) held = count()
    if (counted.size >= MOST_COUNTED) counted.clear()
    counted.set(name, held)
    return held < most
  }
  return {
    take(owner, member, { inbox: most, inboxMember }) {
      const share = `${owner}/${member}`
      if (!fits(owner, most, () => inbox.count(owner, UNREAD))) return false
      if (!fits(share, inboxMember, () => inbox.count(owner, UNREAD, member))) return false
      for (const name of [owner, share]) counted.set(name, (counted.get(name) ?? 0) + 1)
      return true
    },
  }
}
