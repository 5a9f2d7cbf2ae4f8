/** Opens an envelope in the one order of protocol section 5 and stops at the first failure: there is no second way to read. */
import {
  type DeliveredEnvelope,
  type EnvelopeHeader,
  type ErrorCode,
  equalBytes,
  MeshError,
  type PlaintextJson,
  type Recipient,
} from '@claudemesh/protocol'
import { headerFields, slotHash } from '../envelope-header.ts'
import { compareRecipients, voiceOf } from '../recipient.ts'
import { hash, signedBytes } from '../signed-bytes.ts'
import { verify } from '../signer.ts'
import { sodium } from '../sodium.ts'
import { uuidTime } from '../uuid.ts'
import { decrypt } from './aead.ts'
import { type Content, decodeContent, isBodySize } from './body.ts'
import { commitment, openSlot, type SlotContent } from './slot.ts'

export interface OpenedEnvelope {
  readonly plaintext: PlaintextJson
  /** Raw bytes that the JSON named; empty where there were none. */
  readonly raw: Uint8Array
  readonly pairSeq: number
  readonly floor: number
  readonly signature: Uint8Array
}

/** Where opening stopped; it stands in the error's `facts.step`. */
export type OpenStep =
  | 'to'
  | 'mesh'
  | 'header'
  | 'slot'
  | 'box'
  | 'commit'
  | 'body'
  | 'padding'
  | 'json'
  | 'signature'

const CODE: Record<OpenStep, ErrorCode> = {
  to: 'unknown-recipient',
  mesh: 'unknown-mesh',
  header: 'integrity',
  slot: 'integrity',
  box: 'integrity',
  commit: 'integrity',
  body: 'integrity',
  padding: 'integrity',
  json: 'bad-field',
  signature: 'bad-signature',
}

const refuse = (step: OpenStep, message: string, field?: string): MeshError =>
  new MeshError(CODE[step], `envelope: ${message}`, { field: field ?? step, facts: { step } })

export interface OpenInput {
  readonly envelope: DeliveredEnvelope
  readonly mesh: Uint8Array
  readonly me: Recipient
  /** Id of the prekey whose secret made `pairKey`. */
  readonly prekeyId: Uint8Array
  /** From `acceptOpener` of the opener that the slot names. */
  readonly pairKey: Uint8Array
}

/** The header agrees with itself: time inside the id, size of the body, recipients in order. */
function checkHeader(h: EnvelopeHeader, body: Uint8Array): void {
  if (uuidTime(h.id) !== h.sentAt) throw refuse('header', 'sentAt is not the time inside the id', 'sentAt')
  if (h.size !== body.length || !isBodySize(h.size))
    throw refuse('header', 'the body has another size', 'size')
  const ordered = h.to.every(
    (to, i) => i === 0 || compareRecipients(h.to[i - 1]!.recipient, to.recipient) < 0,
  )
  if (!ordered) throw refuse('header', 'recipients are sorted, nobody twice', 'to')
}

function openContentKey({ envelope, me, prekeyId, pairKey, mesh }: OpenInput): SlotContent {
  const { header, slot, body } = envelope
  const mine = header.to.find(
    to => compareRecipients(to.recipient, me) === 0 && equalBytes(to.prekeyId, prekeyId),
  )
  if (!mine) throw refuse('to', 'it is not addressed to this recipient and prekey')
  if (!equalBytes(header.mesh, mesh)) throw refuse('mesh', 'it is of another mesh')
  checkHeader(header, body)
  if (!equalBytes(slotHash(slot), mine.slotHash))
    throw refuse('slot', 'the slot is not the one that was sent')
  const content = openSlot(slot, header.nonce, pairKey)
  if (!content) throw refuse('box', 'the slot does not open')
  if (!equalBytes(commitment(header.id, header.nonce, content.contentKey), header.commit)) {
    sodium.memzero(content.contentKey)
    throw refuse('commit', 'the content key is not the one committed to')
  }
  return content
}

function openBody({ header, body }: DeliveredEnvelope, contentKey: Uint8Array): Content {
  const fields = headerFields(header)
  const padded = decrypt(contentKey, header.nonce, signedBytes('envelope', fields), body)
  sodium.memzero(contentKey)
  if (!padded) throw refuse('body', 'the body does not open')
  const content = decodeContent(padded, refuse)
  const signed = [...fields, hash('envelope', [content.signed])]
  if (!verify('envelope', signed, content.signature, voiceOf(header.from))) {
    throw refuse('signature', 'the sender did not sign it')
  }
  return content
}

/**
 * Opens and checks all that needs no roster: place in `to[]`, mesh, header, slot hash, box, commit, body, padding, JSON,
 * signature. Membership and certificate of the sender, and time, are the caller's to check before anything counts as seen.
 * @throws MeshError with `facts.step` (see `OpenStep`): `unknown-recipient`, `unknown-mesh`, `integrity`, `bad-field`
 * (a signed-looking plaintext that misses its schema; `field` names where) or `bad-signature`.
 */
export function openEnvelope(p: OpenInput): OpenedEnvelope {
  const { contentKey, pairSeq, floor } = openContentKey(p)
  const { plaintext, raw, signature } = openBody(p.envelope, contentKey)
  return { plaintext, raw, pairSeq, floor, signature }
}
