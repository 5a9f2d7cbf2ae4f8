/** What a name is worth: whether a person confirmed the key behind it, or another key than this one under the same name. */
import type { MemberView } from '@claudemesh/client'
import { MeshError, toBase64url } from '@claudemesh/protocol'
import { typedKey } from '../output/names.ts'
import type { Who } from './labels.ts'
import type { ConfirmedKey } from './store/confirmed-keys.ts'

export interface Standing {
  /** A person confirmed this very key, or it is one's own. */
  readonly verified: boolean
  /** A person confirmed another key by this name: it may be somebody else who took it. */
  readonly nameTaken: boolean
  /** A person confirmed this key by another name, this one: whoever was verified does not lend the mark to any name. */
  readonly verifiedAs: string | null
}

const UNKNOWN: Standing = { verified: false, nameTaken: false, verifiedAs: null }

type Bearers = Omit<Who, 'sessions'>

/** For many members of one moment. */
export function standings(who: Bearers): (member: Uint8Array) => Standing {
  const known = new Map(who.members.map(member => [toBase64url(member.key), standingOf(member, who)]))
  return member => known.get(toBase64url(member)) ?? UNKNOWN
}

function standingOf(member: MemberView, who: Bearers): Standing {
  if (member.self) return { ...UNKNOWN, verified: true }
  const as = who.confirmed.get(toBase64url(member.key))?.name
  const verified = as === member.name
  return {
    verified,
    nameTaken: othersCalled(member, who).length > 0,
    verifiedAs: verified ? null : (as ?? null),
  }
}

/** Confirmed keys of others that have, or had when they were confirmed, the name that this member bears and was not confirmed by. */
function othersCalled(member: MemberView, { members, confirmed }: Bearers): ConfirmedKey[] {
  const key = toBase64url(member.key)
  if (confirmed.size === 0 || confirmed.get(key)?.name === member.name) return []
  const namesNow = new Map(members.map(each => [toBase64url(each.key), each.name]))
  return [...confirmed.values()].filter(
    each => each.member !== key && [each.name, namesNow.get(each.member)].includes(member.name),
  )
}

/** Throws `integrity` where somebody bears this name beside or instead of the one a person confirmed by it. */
export function refuseTakenName(name: string, who: Bearers, field = 'to'): void {
  for (const member of who.members) {
    if (member.name !== name || member.self) continue
    const others = othersCalled(member, who).map(each => each.member)
    const [confirmed] = others
    if (confirmed === undefined) continue
    const key = toBase64url(member.key)
    const [theirs, known] = [typedKey(key), typedKey(confirmed)]
    throw new MeshError(
      'integrity',
      `${name} is a name you verified with another key than the one that bears it now (${key.slice(0, 12)}): it may be somebody else. Nothing was done. ` +
        `Compare numbers with them: claudemesh verify ${theirs} · the same: claudemesh verify --confirm ${theirs} · ` +
        `not the same: claudemesh remove ${theirs} · to take back what you verified: claudemesh verify --forget ${known}`,
      { field, facts: { name, member: key, confirmed: others } },
    )
  }
}

/** One line for each member that bears a name somebody else was verified by. */
export function takenNames(who: Bearers): string[] {
  const standing = standings(who)
  return who.members
    .filter(({ key }) => standing(key).nameTaken)
    .map(({ key, name }) => {
      const typed = typedKey(toBase64url(key))
      return `${name} is a name you verified with another key; nothing is sent to it. See: claudemesh verify ${typed}`
    })
}
