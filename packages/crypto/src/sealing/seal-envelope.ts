/** Seals one signed plaintext for many recipients: one body, one signature, one slot each (protocol section 5). */
import {
  type Envelope,
  equalBytes,
  LIMITS,
  MeshError,
  type PlaintextJson,
  type Priority,
  type Recipient,
  SIZES,
} from '@claudemesh/protocol'
import { headerFields, slotHash } from '../envelope-header.ts'
import { randomBytes } from '../random.ts'
import { compareRecipients, voiceOf } from '../recipient.ts'
import { hash, signedBytes } from '../signed-bytes.ts'
import { type Signer, sign } from '../signer.ts'
import { sodium } from '../sodium.ts'
import { uuidTime } from '../uuid.ts'
import { encrypt, TAG } from './aead.ts'
import { bodySize, encodeContent } from './body.ts'
import { commitment, sealSlot } from './slot.ts'

export interface SealTarget {
  readonly recipient: Recipient
  /** 16 bytes. */
  readonly prekeyId: Uint8Array
  readonly pairKey: Uint8Array
  /** The 1,152 bytes until a receipt shows that the recipient has them, then the 16-byte id. */
  readonly opener: Uint8Array
  /** From 1 per (from, line, recipient); 0 for kinds outside the order. */
  readonly pairSeq: number
  /** The lowest number not yet delivered or given up. */
  readonly floor: number
}

export interface SealInput {
  /** A UUIDv7 of 16 bytes, used for no other sealing; its time becomes `sentAt`. */
  readonly id: Uint8Array
  readonly mesh: Uint8Array
  readonly from: Recipient
  /** The session key of `from`, or the member key where it is the person. */
  readonly signer: Signer
  /** ms, 1 to 30 days. */
  readonly ttl: number
  readonly priority: Priority
  readonly targets: readonly SealTarget[]
  /** `payload` must be plain JSON already: bytes in it are the caller's to encode. */
  readonly plaintext: PlaintextJson
  readonly raw?: Uint8Array
}

function sortedTargets(targets: readonly SealTarget[]): SealTarget[] {
  const sorted = targets.toSorted((a, b) => compareRecipients(a.recipient, b.recipient))
  const twice = sorted.some((t, i) => i > 0 && compareRecipients(sorted[i - 1]!.recipient, t.recipient) === 0)
  if (sorted.length < 1 || sorted.length > LIMITS.recipientsPerEnvelope || twice) {
    throw new MeshError('bad-field', 'an envelope goes to 1 to 256 recipients, nobody twice', {
      field: 'targets',
    })
  }
  return sorted
}

function timeOf(p: SealInput): number {
  const sentAt = uuidTime(p.id)
  if (sentAt === undefined) throw new MeshError('bad-field', 'an envelope id is a UUIDv7', { field: 'id' })
  if (!Number.isSafeInteger(p.ttl) || p.ttl < 1 || p.ttl > LIMITS.ttlMs) {
    throw new MeshError('bad-field', 'a ttl is 1 ms to 30 days', { field: 'ttl' })
  }
  if (!equalBytes(voiceOf(p.from), p.signer.publicKey)) {
    throw new MeshError('bad-field', 'an envelope is signed by the sender it names', { field: 'signer' })
  }
  return sentAt
}

/**
 * Seals. Recipients come out sorted, slots in their order; content key and plaintext copy are erased.
 * @throws MeshError `bad-field` for input that no receiver would take, `too-large` over 256 KiB.
 */
export function sealEnvelope(p: SealInput): Envelope {
  const sentAt = timeOf(p)
  const targets = sortedTargets(p.targets)
  const content = encodeContent(p.plaintext, p.raw ?? new Uint8Array())
  const size = bodySize(content.length + SIZES.signature)
  const nonce = randomBytes(SIZES.nonce)
  const contentKey = randomBytes(32)
  const slots = targets.map(target => sealSlot({ ...target, contentKey, nonce }))
  const header = {
    id: p.id,
    mesh: p.mesh,
    from: p.from,
    sentAt,
    ttl: p.ttl,
    priority: p.priority,
    nonce,
    commit: commitment(p.id, nonce, contentKey),
    size,
    to: targets.map(({ recipient, prekeyId }, i) => ({ recipient, prekeyId, slotHash: slotHash(slots[i]!) })),
  }
  const fields = headerFields(header)
  const padded = new Uint8Array(size - TAG)
  padded.set(content)
  padded.set(sign('envelope', [...fields, hash('envelope', [content])], p.signer.secretKey), content.length)
  const body = encrypt(contentKey, nonce, signedBytes('envelope', fields), padded)
  for (const secret of [contentKey, content, padded]) sodium.memzero(secret)
  return { header, slots, body }
}
