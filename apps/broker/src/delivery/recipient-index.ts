/** A recipient as a key of a Map, made per message: one byte a character, no base64 on the hot path. */
import { equalBytes, type Recipient } from '@claudemesh/protocol'

const latin1 = (bytes: Uint8Array) => Buffer.prototype.latin1Slice.call(bytes, 0, bytes.length)

/** Key of any byte string: two are equal where their bytes are. */
export const bytesIndex = (bytes: Uint8Array): string => latin1(bytes)

/** Key of a recipient within its mesh: 32 characters for the person, 64 for a session. */
export const recipientIndex = (recipient: Recipient): string =>
  recipient.session === null ? latin1(recipient.member) : latin1(recipient.member) + latin1(recipient.session)

/** Whether both are one recipient of their mesh: a third of the time of comparing keys. */
export const sameRecipient = (a: Recipient, b: Recipient): boolean =>
  a === b ||
  (equalBytes(a.member, b.member) &&
    (a.session === null || b.session === null ? a.session === b.session : equalBytes(a.session, b.session)))
