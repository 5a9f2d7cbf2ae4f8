/** Makes and revokes invites: the secret stands in the link alone, the roster names only what follows from it. */
import { formatInviteLink, type RosterInvite, rosterEntryHash, signRosterEntry } from '@claudemesh/crypto'
import { deriveInviteKeys, sealEpochKey } from '@claudemesh/crypto/sealing'
import { MeshError, type Role, SIZES, toBase64url } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { appendEntry, nextPlace } from '../roster/append.ts'
import { memberName } from '../roster/names.ts'
import type { InviteView } from '../types.ts'

export interface InviteRequest {
  readonly role: Exclude<Role, 'owner'>
  readonly uses: number
  readonly expiresMs: number
}
export interface MadeInvite {
  readonly link: string
  readonly id: Uint8Array
  readonly expiresAt: number
  readonly uses: number
}

export async function makeInvite(core: Core, link: Link, request: InviteRequest): Promise<MadeInvite> {
  const { keeper, identity, now } = core
  const secret = crypto.getRandomValues(new Uint8Array(32))
  const code = crypto.getRandomValues(new Uint8Array(SIZES.inviteCode))
  const keys = deriveInviteKeys(secret)
  const expiresAt = now() + request.expiresMs
  const entry = await appendEntry(link, keeper, () => {
    const { number } = keeper.roster.epoch
    const epochKey = keeper.epochs.get(number)
    if (!epochKey) throw new MeshError('integrity', 'the key of the present epoch never came here')
    const to = { key: keys.signer.publicKey, bundle: keys.bundle }
    const copy = sealEpochKey({ number, key: epochKey, to })
    const { role, uses } = request
    const body = { code, ...to, role, uses, expiresAt, copy }
    const place = nextPlace(keeper, now())
    const author = identity.member.publicKey
    return {
      entry: signRosterEntry({ ...place, kind: 'invite', author, body }, identity.member),
      copies: null,
    }
  })
  const id = rosterEntryHash(entry!)
  const secure = identity.url.startsWith('wss:')
  const text = formatInviteLink({ host: identity.host, secure, code, secret, entryHash: id })
  return { link: text, id, expiresAt, uses: request.uses }
}

/** Throws `not-found` for an invite that never was, `conflict` for one that is used up, revoked or void. */
export async function revokeInvite(core: Core, link: Link, id: Uint8Array): Promise<void> {
  const { keeper, identity, now } = core
  await appendEntry(link, keeper, () => {
    const invite = keeper.roster.invites.get(toBase64url(id))
    if (!invite) throw new MeshError('not-found', 'there is no such invite', { field: 'id' })
    if (invite.state !== 'open' && invite.state !== 'expired')
      throw new MeshError('conflict', `this invite is ${invite.state}`)
    const place = nextPlace(keeper, now())
    const author = identity.member.publicKey
    const body = { invite: invite.hash }
    return {
      entry: signRosterEntry({ ...place, kind: 'invite-revoke', author, body }, identity.member),
      copies: null,
    }
  })
}

export function listInvites({ keeper, now }: Core): InviteView[] {
  return [...keeper.roster.invites.values()].map(invite => {
    const { author, body } = invite.entry
    const by = keeper.roster.members.get(toBase64url(author))
    return {
      id: invite.hash,
      role: body.role,
      expiresAt: body.expiresAt,
      uses: body.uses,
      used: invite.used,
      by: author,
      byName: by ? memberName(keeper, by) : toBase64url(author).slice(0, 8),
      state: stateNow(invite, now()),
    }
  })
}

/** The chain's own clock stands still between entries. */
const stateNow = ({ state, entry }: RosterInvite, now: number): InviteView['state'] =>
  state === 'open' && entry.body.expiresAt < now ? 'expired' : state
