/** A recipient in bytes: member 32 ‖ hasSession u8 ‖ session 32 if 1. */
import { SIZES } from '../limits.ts'
import type { Recipient } from '../schema.ts'
import { fault } from './fault.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

const PERSON_BYTES = SIZES.key + 1
const SESSION_BYTES = PERSON_BYTES + SIZES.key

/** Bytes that `recipient` takes: 33 for a person, 65 for a session. */
export const recipientSize = (recipient: Recipient): number =>
  recipient.session === null ? PERSON_BYTES : SESSION_BYTES

export function readRecipient(reader: Reader, field: string): Recipient {
  const member = reader.take(SIZES.key, field)
  const flag = reader.u8(field)
  if (flag === 0) return { member, session: null }
  if (flag !== 1) throw fault('bad-field', 'hasSession is 0 or 1', field)
  return { member, session: reader.take(SIZES.key, field) }
}

export function writeRecipient(writer: Writer, recipient: Recipient, field: string): void {
  writer.fixed(recipient.member, SIZES.key, field)
  writer.u8(recipient.session === null ? 0 : 1)
  if (recipient.session !== null) writer.fixed(recipient.session, SIZES.key, field)
}
