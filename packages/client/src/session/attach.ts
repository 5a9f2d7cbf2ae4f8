/** Attaches one recipient to a link: certificate, prekey and presence, signed for this very socket. */
import { certificateHash, signAlias, signAttach, signPresence } from '@claudemesh/crypto'
import { sealProfile } from '@claudemesh/crypto/sealing'
import { type Alias, type BrokerFrameOf, LIMITS, type PresenceRecord } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Address } from '../core.ts'
import { nextCounter } from '../counter.ts'
import type { RosterKeeper } from '../roster/keeper.ts'
import type { ClientStore } from '../store.ts'
import type { MeshIdentity } from '../types.ts'
import { certify } from './certify.ts'
import type { Party } from './party.ts'
import type { Prekeys } from './prekeys.ts'

export interface AttachContext {
  readonly identity: MeshIdentity
  readonly address: Address
  readonly store: ClientStore
  readonly keeper: RosterKeeper
  readonly prekeys: Prekeys
  readonly now: () => number
}

/** What a session says of itself now; `null` for the person, or while the epoch's key is not ours. */
export function presenceOf(c: AttachContext, party: Party): PresenceRecord | null {
  const { session } = party.recipient
  const { roster, epochs } = c.keeper
  const epochKey = epochs.get(roster.epoch.number)
  if (session === null || party.profile === null || !epochKey) return null
  const { mesh, member } = c.identity
  return signPresence(
    {
      mesh,
      member: member.publicKey,
      session,
      counter: nextCounter(c.store, `presence/${party.owner}`, c.now()),
      status: party.status.status,
      source: party.status.source,
      at: party.status.at,
      rosterSeq: roster.seq,
      rosterHead: roster.head,
      epoch: roster.epoch.number,
      profile: sealProfile({
        profile: { ...party.profile, ...aliasOf(mesh, party) },
        epochKey,
        epoch: roster.epoch.number,
        mesh,
        member: member.publicKey,
        session,
      }),
    },
    party.signer,
  )
}

/** What binds the UUIDs it had to the one it has. */
function aliasOf(mesh: Uint8Array, { recipient, signer, uuids }: Party): { alias?: Alias } {
  const former = uuids.former.slice(-LIMITS.formerUuids)
  const { member, session } = recipient
  if (session === null || former.length === 0) return {}
  return { alias: signAlias({ mesh, member, session, uuid: uuids.uuid }, former, signer) }
}

/** Attaches, or renews on the same link. Throws what the broker answers. */
export async function attach(c: AttachContext, link: Link, party: Party): Promise<BrokerFrameOf<'attached'>> {
  const { certificate } = certify(party, c.identity.member, c.keeper, c.now())
  const prekey = c.prekeys.renewed(party, c.now())
  const signature = signAttach({
    nonce: link.challenge.nonce,
    brokerKey: link.challenge.brokerKey,
    host: c.address.host,
    certificateHash: certificate && certificateHash(certificate),
    prekeyId: prekey.id,
    signer: party.signer,
  })
  party.unsaid = false
  const attached = await link.request(
    {
      type: 'attach',
      recipient: party.recipient,
      certificate,
      prekey: prekey.bundle,
      presence: presenceOf(c, party),
      signature,
    },
    'attached',
  )
  c.prekeys.published(prekey, c.now(), attached.queuedUpTo)
  party.attachment = attached.attachment
  party.replaced = false
  party.hookToken = attached.hookToken ?? party.hookToken
  return attached
}
