/** The half of an envelope that the broker may know: its header as fields, and the hashes of slots and recipients. */
import type { EnvelopeHeader, EnvelopeTo } from '@claudemesh/protocol'
import { recipientFields } from './recipient.ts'
import { type Field, hash } from './signed-bytes.ts'

const toList = (to: readonly EnvelopeTo[]): Field[][] =>
  to.map(({ recipient, prekeyId, slotHash }) => [...recipientFields(recipient), prekeyId, slotHash])

/** The header as it is signed and bound to the body: id, mesh, from (2), sentAt, ttl, priority, nonce, commit, size, to[]. */
export const headerFields = (h: EnvelopeHeader): Field[] => [
  h.id,
  h.mesh,
  ...recipientFields(h.from),
  h.sentAt,
  h.ttl,
  h.priority,
  h.nonce,
  h.commit,
  h.size,
  toList(h.to),
]

/** The hash of `to[]` that stands in the `accepted` leaf: 32 bytes. */
export const recipientsHash = (to: readonly EnvelopeTo[]): Uint8Array => hash('envelope', [toList(to)])

/** The hash of a slot as it stands in `to[]`: 32 bytes. */
export const slotHash = (slot: Uint8Array): Uint8Array => hash('slot', [slot])
