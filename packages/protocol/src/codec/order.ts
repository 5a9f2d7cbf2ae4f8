/** The one order of recipients: by member key, then the person before its sessions, then by session key. */
import { compareBytes } from '../bytes.ts'
import type { EnvelopeTo } from '../envelope.ts'
import type { Recipient } from '../schema.ts'

/** Below 0 when `a` stands before `b`, 0 when they are the same recipient. */
function compare(a: Recipient, b: Recipient): number {
  const byMember = compareBytes(a.member, b.member)
  if (byMember !== 0) return byMember
  if (a.session === null) return b.session === null ? 0 : -1
  return b.session === null ? 1 : compareBytes(a.session, b.session)
}

/** Index of the first recipient that does not stand strictly behind the one before it, or -1. */
export function firstOutOfOrder(to: readonly EnvelopeTo[]): number {
  for (let i = 1; i < to.length; i++) if (compare(to[i - 1]!.recipient, to[i]!.recipient) >= 0) return i
  return -1
}
