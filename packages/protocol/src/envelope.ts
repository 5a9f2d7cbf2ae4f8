/** The envelope as the broker sees it: header, one slot per recipient, sealed body (SPEC section 5). */
import type { Priority, Recipient } from './schema.ts'

export interface EnvelopeTo {
  readonly recipient: Recipient
  /** First 16 bytes of the hash of the signed prekey bundle that was sealed to. */
  readonly prekeyId: Uint8Array
  readonly slotHash: Uint8Array
}

/** Every field is signed, and bound to the body as associated data. */
export interface EnvelopeHeader {
  /** UUIDv7 of this sealing, 16 bytes; its time is `sentAt`. */
  readonly id: Uint8Array
  readonly mesh: Uint8Array
  readonly from: Recipient
  /** ms since 1970. */
  readonly sentAt: number
  /** ms. */
  readonly ttl: number
  readonly priority: Priority
  readonly nonce: Uint8Array
  readonly commit: Uint8Array
  /** Bytes of the sealed body, tag included. */
  readonly size: number
  /** Sorted by member key, then the person before its sessions, then session key; nobody twice; 1 to 256. */
  readonly to: readonly EnvelopeTo[]
}

/** As its sender hands it to the broker: a slot for every recipient, in the order of `to`. */
export interface Envelope {
  readonly header: EnvelopeHeader
  readonly slots: readonly Uint8Array[]
  readonly body: Uint8Array
}

/** As the broker hands it to one recipient. */
export interface DeliveredEnvelope {
  readonly header: EnvelopeHeader
  readonly slot: Uint8Array
  readonly body: Uint8Array
}
