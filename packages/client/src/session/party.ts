/** Whoever speaks from here: the person, always, and every session whose key is held. */
import { recipientKey, type Signer } from '@claudemesh/crypto'
import {
  type Certificate,
  fromBase64url,
  MeshError,
  type PresenceStatus,
  type Profile,
  type Recipient,
  type StatusSource,
} from '@claudemesh/protocol'
import type { Owner, RecipientKey } from '../store.ts'
import type { SessionUuids } from '../types.ts'

export interface PartyStatus {
  readonly status: PresenceStatus
  readonly source: StatusSource
  readonly at: number
}
export interface Party {
  /** `''` is the person. */
  readonly owner: Owner
  readonly recipient: Recipient
  readonly key: RecipientKey
  readonly signer: Signer
  /** What its certificate and alias say; `''` and none for the person. */
  uuids: SessionUuids
  certificate: Certificate | null
  profile: Profile | null
  status: PartyStatus
  /** The broker's number for this attachment; `null` while not attached. */
  attachment: number | null
  /** Another daemon with the same keys took the attachment; left to it until the next connection. */
  replaced: boolean
  /** An attach of ours has had no answer, and may be done late: then it is we who replaced us. */
  unanswered: boolean
  /** What is said of it has changed since it was last told to the broker. */
  unsaid: boolean
  hookToken: string | undefined
}

export const PERSON: Owner = ''
export const ownerOf = (uuid: string | null): Owner => uuid ?? PERSON
export const uuidOf = (owner: Owner): string | null => (owner === PERSON ? null : owner)

/** The recipient behind a stored key. */
export function recipientOfKey(key: RecipientKey): Recipient {
  const [member = '', session = ''] = key.split('/')
  const memberKey = fromBase64url(member)
  if (!memberKey) throw new MeshError('internal', 'a stored recipient key is broken')
  return { member: memberKey, session: session === '' ? null : (fromBase64url(session) ?? null) }
}

export function makeParty(owner: Owner, member: Uint8Array, signer: Signer, at: number): Party {
  const recipient = { member, session: owner === PERSON ? null : signer.publicKey }
  return {
    owner,
    recipient,
    key: recipientKey(recipient),
    signer,
    uuids: { uuid: owner, former: [] },
    certificate: null,
    profile: null,
    status: { status: 'unknown', source: 'daemon', at },
    attachment: null,
    replaced: false,
    unanswered: false,
    unsaid: false,
    hookToken: undefined,
  }
}
