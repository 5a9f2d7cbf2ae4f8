/** Envelopes as the broker sees them: a header of the right form and bytes nobody can open. */
import { compareRecipients, slotHash, uuidv7 } from '@claudemesh/crypto'
import type { Envelope, Recipient } from '@claudemesh/protocol'
import { randomBytes } from './test-member.ts'

export interface EnvelopeWish {
  readonly mesh: Uint8Array
  readonly from: Recipient
  readonly to: Recipient[]
  readonly now?: number
  readonly id?: Uint8Array
  readonly size?: number
  readonly ttl?: number
}

export function newEnvelope({
  mesh,
  from,
  to,
  now = Date.now(),
  id = uuidv7(now),
  size = 512,
  ttl = 3_600_000,
}: EnvelopeWish): Envelope {
  const slots = to.map(() => randomBytes(80))
  const targets = to
    .toSorted(compareRecipients)
    .map((recipient, i) => ({ recipient, prekeyId: randomBytes(16), slotHash: slotHash(slots[i]!) }))
  return {
    header: {
      id,
      mesh,
      from,
      sentAt: now,
      ttl,
      priority: 'next',
      nonce: randomBytes(24),
      commit: randomBytes(32),
      size,
      to: targets,
    },
    slots,
    body: randomBytes(size),
  }
}
