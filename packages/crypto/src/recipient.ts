/** How a recipient is signed, ordered and looked up. */
import { compareBytes, type Recipient, toBase64url } from '@claudemesh/protocol'

/** The two signed fields of a recipient: member key, session key or absent. */
export const recipientFields = (r: Recipient): [Uint8Array, Uint8Array | null] => [r.member, r.session]

/** Orders by member key, the person before its sessions, then by session key: the order of `to[]` in an envelope. */
export function compareRecipients(a: Recipient, b: Recipient): number {
  const byMember = compareBytes(a.member, b.member)
  if (byMember !== 0) return byMember
  if (!a.session || !b.session) return (a.session ? 1 : 0) - (b.session ? 1 : 0)
  return compareBytes(a.session, b.session)
}

/** A Map key that two equal recipients share: base64url of the member key, `/`, base64url of the session key or nothing. */
export const recipientKey = (r: Recipient): string =>
  `${toBase64url(r.member)}/${r.session ? toBase64url(r.session) : ''}`

/** The key that signs for a recipient: its session key, or the member key where it is the person. */
export const voiceOf = (r: Recipient): Uint8Array => r.session ?? r.member
