/** The invites of a roster: found by code and key at once, ended in the order of their expiry without looking at the rest. */
import { toBase64url } from '@claudemesh/protocol'
import type { InviteIndex, InviteState, Roster, RosterInvite } from './state.ts'

export const noInvites = (): InviteIndex => ({ codes: new Map(), keys: new Set(), openByExpiry: [] })

/** The state of an invite at `at`: who is past `expiresAt` can no longer be joined by. */
export const inviteStateAt = (invite: RosterInvite, at: number): InviteState =>
  invite.state === 'open' && at > invite.entry.body.expiresAt ? 'expired' : invite.state

/** Takes in a new invite; O(log n) comparisons. */
export function addInvite(roster: Roster, invite: RosterInvite): void {
  const { code, key, expiresAt } = invite.entry.body
  const { codes, keys, openByExpiry } = roster.inviteIndex
  const id = toBase64url(invite.hash)
  roster.invites.set(id, invite)
  codes.set(toBase64url(code), id)
  keys.add(toBase64url(key))
  let low = 0
  let high = openByExpiry.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (openByExpiry[middle]!.expiresAt > expiresAt) low = middle + 1
    else high = middle
  }
  openByExpiry.splice(low, 0, { id, expiresAt })
}

/** Marks what the chain's own clock has passed by. */
export function expireInvites(roster: Roster): void {
  const { openByExpiry } = roster.inviteIndex
  while (openByExpiry.length > 0 && openByExpiry.at(-1)!.expiresAt < roster.at) {
    const { id } = openByExpiry.pop()!
    const invite = roster.invites.get(id)!
    if (invite.state === 'open') roster.invites.set(id, { ...invite, state: 'expired' })
  }
}

/** The invite with this code (16 bytes), whatever its state. */
export function inviteByCode(roster: Roster, code: Uint8Array): RosterInvite | undefined {
  const id = roster.inviteIndex.codes.get(toBase64url(code))
  return id === undefined ? undefined : roster.invites.get(id)
}

/** Every invite that may still be used at `at`. */
export const openInvites = (roster: Roster, at: number): RosterInvite[] =>
  roster.inviteIndex.openByExpiry
    .map(({ id }) => roster.invites.get(id)!)
    .filter(invite => inviteStateAt(invite, at) === 'open')

/** Ends the open invites that `ends` names. */
export function voidInvites(roster: Roster, ends: (invite: RosterInvite) => boolean): void {
  const { openByExpiry } = roster.inviteIndex
  const left = openByExpiry.filter(({ id }) => {
    const invite = roster.invites.get(id)!
    if (invite.state !== 'open') return false
    if (!ends(invite)) return true
    roster.invites.set(id, { ...invite, state: 'void' })
    return false
  })
  openByExpiry.splice(0, openByExpiry.length, ...left)
}
