/** Envelopes by hand, as a member could make them who has left our client behind: anything in them may be a lie. */
import { prekeyId, rosterEntryHash, type Signer, uuidText, uuidv7 } from '@claudemesh/crypto'
import { createOpener, sealEnvelope } from '@claudemesh/crypto/sealing'
import {
  type Certificate,
  type DeliveredEnvelope,
  type PlaintextJson,
  type Priority,
  type RosterEntry,
  rosterEntry,
} from '@claudemesh/protocol'
import { z } from 'zod'
import type { Person, Session } from './people.ts'
import { FORGED } from './stage.ts'

export interface Forged {
  /** Default: a text with the words that nobody may ever be shown. */
  readonly kind?: string
  readonly payload?: unknown
  /** Whose key signs the plaintext; default: the key `from` names. */
  readonly signer?: Signer
  /** Default: the person. */
  readonly from?: Session
  /** Default: the person. */
  readonly to?: Session
  readonly certificate?: Certificate | null
  /** Default: a new one of `sentAt`. */
  readonly id?: Uint8Array
  /** Time of the envelope, ms; default now. */
  readonly sentAt?: number
  readonly ttl?: number
  readonly priority?: Priority
  readonly pairSeq?: number
  readonly floor?: number
  readonly plaintext?: Partial<PlaintextJson>
}

/** From `from` to `to`, sealed to the prekey that `to` has published. */
export function forge(from: Person, to: Person, forged: Forged = {}): DeliveredEnvelope {
  const sender = forged.from?.recipient ?? from.recipient
  const prekey = to.prekey(forged.to?.uuid)
  const { opener, pairKey } = createOpener({ mesh: from.identity.mesh, from: sender, prekey })
  const sentAt = forged.sentAt ?? Date.now()
  const claimed = sender.session ?? sender.member
  const { secretKey } = forged.signer ?? forged.from?.signer ?? from.identity.member
  const { rosterSeq } = to.client.view()
  const envelope = sealEnvelope({
    id: forged.id ?? uuidv7(sentAt),
    mesh: from.identity.mesh,
    from: sender,
    signer: { publicKey: claimed, secretKey },
    ttl: forged.ttl ?? 86_400_000,
    priority: forged.priority ?? 'next',
    targets: [
      {
        recipient: forged.to?.recipient ?? to.recipient,
        prekeyId: prekeyId(prekey),
        pairKey,
        opener,
        pairSeq: forged.pairSeq ?? 1,
        floor: forged.floor ?? Math.min(1, forged.pairSeq ?? 1),
      },
    ],
    plaintext: {
      msg: uuidText(uuidv7(sentAt)),
      composedAt: sentAt,
      kind: forged.kind ?? 'text',
      payload: forged.payload ?? { text: FORGED, replyTo: null, threadId: null },
      line: crypto.getRandomValues(new Uint8Array(16)),
      prekey: { n: newestPrekey(from) ?? sentAt, id: new Uint8Array(16) },
      roster: { seq: rosterSeq, head: headOf(to, rosterSeq) },
      checkpoint: null,
      certificate: forged.certificate ?? null,
      ...forged.plaintext,
    },
  })
  return { header: envelope.header, slot: envelope.slots[0]!, body: envelope.body }
}

/** Whoever says less than it said before is not sealed to again. */
const newestPrekey = ({ store }: Person): number | undefined =>
  store.prekeys
    .all()
    .map(({ n }) => n)
    .toSorted((a, b) => b - a)[0]

/** Hash of the entry at `seq` of somebody's roster. */
export function headOf(person: Person, seq: number): Uint8Array {
  return rosterEntryHash(entriesOf(person)[seq]!)
}
/** The roster as somebody has verified and pinned it. */
export const entriesOf = (person: Person): RosterEntry[] =>
  person.store.roster.entries().map(json => z.decode(rosterEntry, JSON.parse(json)))

/** Whoever seals chooses the nonce: `work` draws this one. */
export function withNonce<T>(nonce: Uint8Array, work: () => T): T {
  const honest = crypto.getRandomValues.bind(crypto)
  const chosen = (array: Uint8Array) => {
    honest(array)
    if (array.length === nonce.length) array.set(nonce)
    return array
  }
  crypto.getRandomValues = chosen as typeof crypto.getRandomValues
  try {
    return work()
  } finally {
    crypto.getRandomValues = honest
  }
}
