/** A recipient as one byte string: member key (the person) or member key ‖ session key. */
import { concatBytes, type Recipient } from '@claudemesh/protocol'

export const recipientKey = (r: Recipient): Uint8Array =>
  r.session ? concatBytes(r.member, r.session) : r.member

export const recipientOf = (key: Uint8Array): Recipient => ({
  member: Uint8Array.from(key.subarray(0, 32)),
  session: key.length === 64 ? Uint8Array.from(key.subarray(32)) : null,
})
