/** Names of recipients as addresses that can be typed: `alice`, `alice/api`. */

import type { MemberView, SessionView } from '@claudemesh/client'
import { recipientKey } from '@claudemesh/crypto'
import { type Recipient, toBase64url } from '@claudemesh/protocol'
import type { ConfirmedKey } from './store/confirmed-keys.ts'

export interface Who {
  /** Keys that the person confirmed, by member key. */
  readonly confirmed: ReadonlyMap<string, ConfirmedKey>
  readonly members: readonly MemberView[]
  readonly sessions: readonly SessionView[]
}

/** A session's own name, or the beginning of its UUID where its profile is not known. */
export const sessionName = (session: SessionView): string => session.profile?.name || session.uuid.slice(0, 8)

export const sessionLabel = (session: SessionView): string => `${session.memberName}/${sessionName(session)}`

/** Names for many recipients of one moment; who is unknown is named by a key prefix. */
export function labeller({ members, sessions }: Who): (recipient: Recipient) => string {
  const byMember = new Map(members.map(({ key, name }) => [toBase64url(key), name]))
  const bySession = new Map(sessions.map(session => [recipientKey(session.recipient), sessionLabel(session)]))
  return recipient => {
    const key = toBase64url(recipient.member)
    const person = byMember.get(key) ?? key.slice(0, 12)
    if (recipient.session === null) return person
    return (
      bySession.get(recipientKey(recipient)) ?? `${person}/${toBase64url(recipient.session).slice(0, 12)}`
    )
  }
}
