/** Seals one outbox message to recipients whose keys are at hand; pure but for the ids and counters it is given. */
import { compareRecipients, recipientsHash, uuidText, uuidv7 } from '@claudemesh/crypto'
import { type SealTarget, sealEnvelope } from '@claudemesh/crypto/sealing'
import {
  type Envelope,
  encodeFrame,
  fromBase64url,
  MeshError,
  type PlaintextJson,
  prekeyBundle,
} from '@claudemesh/protocol'
import { z } from 'zod'
import type { Core } from '../core.ts'
import type { Party } from '../session/party.ts'
import type { OutboxMessageRow, OutboxRecipientRow, RecipientKey } from '../store.ts'
import type { Pair, Pairs } from './pairs.ts'
import type { Target } from './targets.ts'

export interface Sealed {
  readonly id: string
  readonly msg: string
  readonly sentAt: number
  readonly endsAt: number
  readonly envelope: Envelope
  /** A `send` frame with this one envelope: what is stored. */
  readonly bytes: Uint8Array
  /** What the broker's `accepted` leaf is to say of `to`. */
  readonly toHash: Uint8Array
  /** In the order of the header. */
  readonly to: readonly RecipientKey[]
  readonly pairs: ReadonlyMap<RecipientKey, Pair>
}
export interface SealInput {
  readonly message: OutboxMessageRow
  readonly party: Party
  readonly rows: readonly { readonly row: OutboxRecipientRow; readonly target: Target }[]
  readonly pairs: Pairs
  /** Floors already looked up in this transaction, by recipient. */
  readonly floors: Map<string, number>
}

/** Throws `expired` when the message has ended, `integrity` when its text cannot be read, `too-large`. */
export function sealMessage(core: Core, { message, party, rows, pairs, floors }: SealInput): Sealed {
  const now = core.now()
  const id = uuidv7(now)
  const endsAt = message.endsAt ?? now + message.ttlMs
  if (endsAt <= now) throw new MeshError('expired', 'the message ended before it could be sent')
  if (!message.payload) throw new MeshError('integrity', 'the text of the message cannot be read')
  const used = new Map<RecipientKey, Pair>()
  const sorted = [...rows].sort((a, b) => compareRecipients(a.target.recipient, b.target.recipient))
  const targets = sorted.map(({ row, target }): SealTarget => {
    const pair = pairs.of(party, row.to, target)
    used.set(row.to, pair)
    return {
      recipient: target.recipient,
      prekeyId: target.prekeyId,
      pairKey: pair.pairKey,
      opener: pair.known ? pair.openerId : pair.opener,
      pairSeq: row.pairSeq,
      floor: floorOf(core, row, floors),
    }
  })
  const openerTravels = [...used.values()].some(pair => !pair.known)
  const { roster } = core.keeper
  const own = core.prekeys.current(party, now)
  const plaintext: PlaintextJson = {
    msg: message.msg,
    composedAt: message.composedAt,
    kind: message.kind,
    payload: JSON.parse(message.payload),
    line: lineBytes(message.line),
    prekey: { n: own.bundle.n, id: own.id },
    roster: { seq: roster.seq, head: roster.head },
    checkpoint: core.audit.pinned?.note ?? null,
    certificate: openerTravels ? party.certificate : null,
    // A receipt that asks for a new sealing says what to seal to.
    ...(message.kind === 'receipt' ? { bundle: z.encode(prekeyBundle, own.bundle) } : {}),
  }
  const envelope = sealEnvelope({
    id,
    mesh: core.identity.mesh,
    from: party.recipient,
    signer: party.signer,
    ttl: endsAt - now,
    priority: message.priority,
    targets,
    plaintext,
  })
  return {
    id: uuidText(id),
    msg: message.msg,
    sentAt: now,
    endsAt,
    envelope,
    bytes: encodeFrame({ type: 'send', ref: 0, envelopes: [envelope] }),
    toHash: recipientsHash(envelope.header.to),
    to: sorted.map(({ row }) => row.to),
    pairs: used,
  }
}

/** The lowest number of this line that the recipient may still wait for. */
function floorOf(core: Core, row: OutboxRecipientRow, floors: Map<string, number>): number {
  if (row.pairSeq === 0) return 0
  const name = `${row.line}>${row.to}`
  const floor = floors.get(name) ?? core.store.outbox.lowestOpen(row.owner, row.line, row.to) ?? row.pairSeq
  floors.set(name, floor)
  return Math.min(row.pairSeq, floor)
}

function lineBytes(line: string): Uint8Array {
  const bytes = fromBase64url(line)
  if (bytes?.length !== 16) throw new MeshError('internal', 'a stored line is broken')
  return bytes
}
