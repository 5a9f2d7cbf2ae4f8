/** Makes and revokes invites: the secret stands in the link alone, the roster names only what follows from it. */
import { formatInviteLink, type RosterInvite, rosterEntryHash } from '@claudemesh/crypto'
import { deriveInviteKeys, sealEpochKey } from '@claudemesh/crypto/sealing'
import { MeshError, type Role, type RosterEntryOf, SIZES, toBase64url } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { appendEntry, entryTime, requireRight, signedDraft } from '../roster/append.ts'
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

/** Makes an invite; its link names the first of the broker's hosts. Throws `forbidden`, or what the broker answers. */
export async function makeInvite(core: Core, link: Link, request: InviteRequest): Promise<MadeInvite> {
  const { keeper } = core
  const secret = crypto.getRandomValues(new Uint8Array(32))
  const code = crypto.getRandomValues(new Uint8Array(SIZES.inviteCode))
  const keys = deriveInviteKeys(secret)
  const { role, uses, expiresMs } = request
  const entry = await appendEntry(link, keeper, () => {
    requireRight(core, 'invite', { gets: role })
    const { number } = keeper.roster.epoch
    const epochKey = keeper.epochs.get(number)
    if (!epochKey) throw new MeshError('integrity', 'the key of the present epoch never came here')
    const to = { key: keys.signer.publicKey, bundle: keys.bundle }
    const copy = sealEpochKey({ number, key: epochKey, to })
    const at = entryTime(core)
    return signedDraft(core, 'invite', { code, ...to, role, uses, expiresAt: at + expiresMs, copy }, { at })
  })
  const { expiresAt } = (entry as RosterEntryOf<'invite'>).body
  const id = rosterEntryHash(entry!)
  const secure = core.address.url.startsWith('wss:')
  const host = keeper.roster.broker?.hosts[0] ?? core.address.host
  const text = formatInviteLink({ host, secure, code, secret, entryHash: id })
  return { link: text, id, expiresAt, uses }
}

/** Throws `forbidden`, `not-found` for an invite that never was, `conflict` for one that is used up, revoked or void. */
export async function revokeInvite(core: Core, link: Link, id: Uint8Array): Promise<void> {
  const { keeper } = core
  await appendEntry(link, keeper, () => {
    requireRight(core, 'invite-revoke')
    const invite = keeper.roster.invites.get(toBase64url(id))
    if (!invite) throw new MeshError('not-found', 'there is no such invite', { field: 'id' })
    if (invite.state !== 'open' && invite.state !== 'expired')
      throw new MeshError('conflict', `this invite is ${invite.state}`)
    return signedDraft(core, 'invite-revoke', { invite: invite.hash })
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
