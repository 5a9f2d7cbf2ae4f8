import { MeshError, type Role, type RosterEntry, type RosterKind, toBase64url } from '@claudemesh/protocol'
import { describe, expect, test } from 'vitest'
import {
  applyEntry,
  checkEpochCopies,
  epochCopiesRoot,
  generateSigner,
  mayWrite,
  openRoster,
  PagedReplay,
  replayRoster,
  rosterEntryHash,
} from '../src/index.ts'
import { deriveInviteKeys, openEpochKey } from '../src/sealing/index.ts'
import {
  admit,
  append,
  entry,
  inviteBody,
  joinEntry,
  memberName,
  meshName,
  newMesh,
  nextEpoch,
  type Person,
  person,
  receivers,
  START,
  seed,
  type TestMesh,
} from './chain.ts'

const ROLES: Role[] = ['owner', 'admin', 'member', 'viewer']
/** One of each role beside the founder (an owner), and a plain member and viewer to act upon. */
interface Cast extends Record<Role, Person> {
  mesh: TestMesh
  founder: Person
}
function cast(): Cast {
  const founder = person(1)
  const mesh = newMesh(founder)
  const people = { owner: person(2), admin: person(3), member: person(4), viewer: person(5) }
  for (const role of ROLES) admit(mesh, founder, people[role], role)
  return { mesh, founder, ...people }
}
const keyOf = (p: Person) => p.signer.publicKey

/** Refused with this rule, and the roster is as it was. */
function refused(mesh: TestMesh, bad: RosterEntry, rule: string): void {
  const before = JSON.stringify(snapshot(mesh))
  let caught: unknown
  try {
    applyEntry(mesh.roster, bad)
  } catch (error) {
    caught = error
  }
  expect(caught).toBeInstanceOf(MeshError)
  expect([(caught as MeshError).code, (caught as MeshError).facts?.rule]).toEqual(['integrity', rule])
  expect(JSON.stringify(snapshot(mesh))).toBe(before)
}
const snapshot = ({ roster }: TestMesh) => ({
  ...roster,
  members: [...roster.members],
  removed: [...roster.removed],
  invites: [...roster.invites],
})

describe('who may write what', () => {
  type Case = [what: string, kind: RosterKind, allowed: Role[], make: (c: Cast, by: Person) => RosterEntry]
  const extra = (c: Cast, n: number, role: Role): Person => {
    const who = person(n)
    admit(c.mesh, c.founder, who, role)
    return who
  }
  const roleCase = (has: Role, gets: Role, allowed: Role[]): Case => [
    `role ${has} → ${gets}`,
    'role',
    allowed,
    (c, by) => entry(c.mesh, by, 'role', { member: keyOf(extra(c, 20, has)), role: gets }),
  ]
  const removeCase = (has: Role, allowed: Role[]): Case => [
    `remove ${has}`,
    'remove',
    allowed,
    (c, by) => {
      const target = extra(c, 20, has)
      return entry(c.mesh, by, 'remove', { member: keyOf(target), epoch: nextEpoch(c.mesh, []).epoch })
    },
  ]
  const inviteCase = (role: 'admin' | 'member' | 'viewer', allowed: Role[]): Case => [
    `invite ${role}`,
    'invite',
    allowed,
    (c, by) => entry(c.mesh, by, 'invite', inviteBody(c.mesh, 50, { role })),
  ]
  const plain: Role[] = ['member', 'viewer']
  const cases: Case[] = [
    [
      'broker',
      'broker',
      ['owner'],
      (c, by) => entry(c.mesh, by, 'broker', { hosts: ['a'], key: seed(9), log: null }),
    ],
    inviteCase('admin', ['owner', 'admin']),
    inviteCase('member', ['owner', 'admin']),
    inviteCase('viewer', ['owner', 'admin']),
    [
      'invite-revoke',
      'invite-revoke',
      ['owner', 'admin'],
      (c, by) => {
        const invite = append(c.mesh, entry(c.mesh, c.founder, 'invite', inviteBody(c.mesh, 50)))
        return entry(c.mesh, by, 'invite-revoke', { invite })
      },
    ],
    [
      'rename',
      'rename',
      ROLES,
      (c, by) => entry(c.mesh, by, 'rename', { name: memberName(c.mesh, by, 'new') }),
    ],
    [
      'mesh-rename',
      'mesh-rename',
      ['owner'],
      (c, by) => entry(c.mesh, by, 'mesh-rename', { name: meshName(c.mesh, by, 'new') }),
    ],
    ['pause', 'pause', ['owner', 'admin'], (c, by) => entry(c.mesh, by, 'pause', { delivery: 'held' })],
    [
      'rekey',
      'rekey',
      ['owner', 'admin'],
      (c, by) => entry(c.mesh, by, 'rekey', { epoch: nextEpoch(c.mesh, []).epoch }),
    ],
    ['leave', 'remove', ROLES, (c, by) => entry(c.mesh, by, 'remove', { member: keyOf(by), epoch: null })],
    ...ROLES.map(has => removeCase(has, plain.includes(has) ? ['owner', 'admin'] : ['owner'])),
    ...ROLES.flatMap(has =>
      ROLES.map(gets =>
        roleCase(has, gets, plain.includes(has) && plain.includes(gets) ? ['owner', 'admin'] : ['owner']),
      ),
    ),
  ]
  for (const [what, , allowed, make] of cases) {
    for (const role of ROLES) {
      const may = allowed.includes(role)
      test(`${role}: ${what} is ${may ? 'taken' : 'refused'}`, () => {
        const c = cast()
        const next = make(c, c[role])
        if (may) expect(append(c.mesh, next)).toEqual(c.mesh.roster.head)
        else refused(c.mesh, next, 'role')
      })
    }
    test(`a stranger: ${what} is refused`, () => {
      const c = cast()
      const stranger = person(40)
      refused(c.mesh, make(c, stranger), 'not-a-member')
    })
  }
  test('a pause lasts from its first word until the newest takes it back, whoever said either', () => {
    const { mesh, founder, admin } = cast()
    expect(mesh.roster.pause).toBeNull()
    append(mesh, entry(mesh, admin, 'pause', { delivery: 'held' }))
    const since = { at: mesh.roster.at, author: keyOf(admin) }
    append(mesh, entry(mesh, founder, 'pause', { delivery: 'held' }))
    expect(mesh.roster.pause).toEqual(since)
    append(mesh, entry(mesh, founder, 'pause', { delivery: 'open' }))
    append(mesh, entry(mesh, admin, 'pause', { delivery: 'open' }))
    expect(mesh.roster.pause).toBeNull()
  })
  test('nobody invites an owner, whatever the schema lets through', () => {
    const c = cast()
    const role = 'owner' as 'admin'
    for (const by of ROLES)
      refused(c.mesh, entry(c.mesh, c[by], 'invite', inviteBody(c.mesh, 50, { role })), 'role')
  })
  test('genesis and join are no member’s to write by role', () => {
    for (const role of ROLES) {
      expect(mayWrite('genesis', role)).toBe(false)
      expect(mayWrite('join', role)).toBe(false)
    }
  })
})

describe('the chain', () => {
  test('replays to the same roster, and begins the mesh it hashes to', () => {
    const { mesh } = cast()
    const again = replayRoster(mesh.entries, { mesh: mesh.roster.mesh })
    expect(again).toEqual(mesh.roster)
    expect(again.heads).toHaveLength(mesh.entries.length)
    expect(() => replayRoster(mesh.entries, { mesh: seed(7) })).toThrow(/does not begin this mesh/)
    expect(() => replayRoster([], { mesh: mesh.roster.mesh })).toThrow(/empty/)
    expect(() => openRoster(mesh.entries[1]!)).toThrow(/no genesis/)
  })
  test('read by pages, it ends at what is broken first, wherever the pages part', async () => {
    const { mesh, founder, member } = cast()
    append(mesh, entry(mesh, member, 'rename', { name: memberName(mesh, member, 'new') }))
    append(mesh, entry(mesh, founder, 'pause', { delivery: 'held' }))
    const { entries, roster } = mesh
    const read = async (chain: readonly RosterEntry[], page: number, now = roster.at) => {
      const replay = new PagedReplay(roster.mesh)
      for (let i = 0; i < chain.length; i += page) await replay.add(chain.slice(i, i + page), now)
      return replay.whole()
    }
    const broken = (chain: readonly RosterEntry[], now?: number) => {
      try {
        return replayRoster(chain, { mesh: roster.mesh, ...(now === undefined ? {} : { now }) }) && ''
      } catch (error) {
        return String(error)
      }
    }
    const [last, renamed] = [entries.length - 1, entries.length - 2]
    const unsigned = { ...entries[renamed]!, signatures: [entries[renamed]!.signatures[0].toReversed()] }
    const forged = entries.with(renamed, unsigned as RosterEntry)
    const stranger = person(60)
    const chains: (readonly RosterEntry[])[] = [
      entries.slice(1),
      // A wrong signature, and behind it an entry that follows, one that does not, and one whose author is nobody.
      forged.slice(0, last),
      forged,
      forged.with(last, entry(mesh, founder, 'pause', { delivery: 'open' })),
      [...entries, entry(mesh, stranger, 'pause', { delivery: 'open' })],
      entries.with(last, { ...entries[last]!, signatures: [] } as unknown as RosterEntry),
    ]
    for (const page of [1, 2, entries.length]) {
      expect(await read(entries, page)).toEqual(roster)
      for (const chain of chains) {
        expect(broken(chain)).toMatch(/roster: /)
        await expect(read(chain, page).then(String, String)).resolves.toBe(broken(chain))
      }
      const early = roster.at - 600_000
      await expect(read(entries, page, early).then(String, String)).resolves.toBe(broken(entries, early))
      await expect(read([], page)).rejects.toThrow(/empty/)
    }
  })
  test('a genesis by another hand is refused, though it hashes to something', () => {
    const { mesh } = cast()
    const genesis = mesh.roster.genesis
    expect(() => openRoster({ ...genesis, author: keyOf(person(9)) })).toThrow(/not signed/)
  })
  test('an entry that does not follow the head is refused: mesh, seq, prev, time, second genesis', () => {
    const c = cast()
    const name = memberName(c.mesh, c.member, 'x')
    const rename = (place: object) => entry(c.mesh, c.member, 'rename', { name }, place)
    refused(c.mesh, rename({ mesh: seed(3) }), 'other-mesh')
    refused(c.mesh, rename({ seq: c.mesh.roster.seq }), 'seq')
    refused(c.mesh, rename({ seq: c.mesh.roster.seq + 2 }), 'seq')
    refused(c.mesh, rename({ prev: c.mesh.roster.heads.at(-2)! }), 'prev')
    refused(c.mesh, rename({ at: c.mesh.roster.at - 1 }), 'time')
    refused(c.mesh, c.mesh.roster.genesis, 'second-genesis')
    expect(append(c.mesh, rename({ at: c.mesh.roster.at }))).toEqual(c.mesh.roster.head)
  })
  test('a kind that this version does not know stops the chain', () => {
    const c = cast()
    for (const kind of ['promote', 'constructor', '__proto__']) {
      const bad = { ...entry(c.mesh, c.owner, 'rename', { name: memberName(c.mesh, c.owner, 'x') }), kind }
      refused(c.mesh, bad as RosterEntry, 'unknown-kind')
    }
  })
  test('an entry ahead of the reader’s clock is a matter of waiting, not a lie, and changes nothing', () => {
    const c = cast()
    const now = c.mesh.roster.at
    const ahead = entry(
      c.mesh,
      c.owner,
      'broker',
      { hosts: ['a'], key: seed(9), log: null },
      { at: now + 300_001 },
    )
    const head = c.mesh.roster.head
    expect(() => applyEntry(c.mesh.roster, ahead, { now })).toThrow(
      expect.objectContaining({ code: 'clock' }),
    )
    expect(c.mesh.roster.head).toBe(head)
    applyEntry(c.mesh.roster, ahead, { now: now + 1 })
    expect(c.mesh.roster.broker?.hosts).toEqual(['a'])
  })
  test('a broken entry ahead of the clock is broken, not early', () => {
    const c = cast()
    const bad = entry(
      c.mesh,
      c.viewer,
      'rekey',
      { epoch: nextEpoch(c.mesh, []).epoch },
      { at: START + 10 ** 9 },
    )
    expect(() => applyEntry(c.mesh.roster, bad, { now: START })).toThrow(
      expect.objectContaining({ code: 'integrity' }),
    )
  })
  test('an entry signed by another member than it names is refused', () => {
    const c = cast()
    const good = entry(c.mesh, c.owner, 'broker', { hosts: ['a'], key: seed(9), log: null })
    const forged = entry(c.mesh, c.admin, 'broker', { hosts: ['a'], key: seed(9), log: null })
    refused(c.mesh, { ...good, signatures: forged.signatures }, 'signature')
  })
})

describe('invites and joins', () => {
  const open = (c: Cast, n: number, more = {}) =>
    append(c.mesh, entry(c.mesh, c.admin, 'invite', inviteBody(c.mesh, n, more)))
  const stateOf = (c: Cast, invite: Uint8Array) => c.mesh.roster.invites.get(toBase64url(invite))?.state
  test('an invite lets in as many as it says, with its role, and then no more', () => {
    const c = cast()
    const invite = open(c, 50, { uses: 2, role: 'viewer' })
    append(c.mesh, joinEntry(c.mesh, person(20), 50, invite))
    expect(stateOf(c, invite)).toBe('open')
    append(c.mesh, joinEntry(c.mesh, person(21), 50, invite))
    expect(stateOf(c, invite)).toBe('used')
    expect(c.mesh.roster.members.get(toBase64url(keyOf(person(21))))).toMatchObject({
      role: 'viewer',
      nameEpoch: 1,
    })
    refused(c.mesh, joinEntry(c.mesh, person(22), 50, invite), 'invite-not-open')
  })
  test('expiry is judged by the entry’s own time: at the moment yes, a ms later no', () => {
    const c = cast()
    const expiresAt = c.mesh.roster.at + 100
    const invite = open(c, 50, { uses: 3, expiresAt })
    refused(c.mesh, joinEntry(c.mesh, person(21), 50, invite, { at: expiresAt + 1 }), 'invite-not-open')
    append(c.mesh, joinEntry(c.mesh, person(20), 50, invite, { at: expiresAt }))
    expect(stateOf(c, invite)).toBe('open')
    append(
      c.mesh,
      entry(c.mesh, c.member, 'rename', { name: memberName(c.mesh, c.member, 'x') }, { at: expiresAt + 1 }),
    )
    expect(stateOf(c, invite)).toBe('expired')
    append(c.mesh, entry(c.mesh, c.admin, 'invite-revoke', { invite }))
    expect(stateOf(c, invite)).toBe('revoked')
  })
  test('a join needs its invite’s key, its member’s key and an invite that stands in the chain', () => {
    const c = cast()
    const invite = open(c, 50)
    refused(c.mesh, joinEntry(c.mesh, person(20), 51, invite), 'signature')
    refused(c.mesh, joinEntry(c.mesh, person(20), 50, invite, {}, generateSigner(seed(99))), 'signature')
    const good = joinEntry(c.mesh, person(20), 50, invite)
    refused(c.mesh, { ...good, signatures: [good.signatures[1], good.signatures[1]] }, 'signature')
    refused(c.mesh, { ...good, signatures: [good.signatures[0], good.signatures[0]] }, 'signature')
    refused(c.mesh, joinEntry(c.mesh, person(20), 50, seed(66)), 'invite-unknown')
    refused(c.mesh, joinEntry(c.mesh, c.member, 50, invite), 'member-already')
    append(c.mesh, good)
  })
  test('a revoked invite lets nobody in and is not revoked twice', () => {
    const c = cast()
    const invite = open(c, 50)
    append(c.mesh, entry(c.mesh, c.admin, 'invite-revoke', { invite }))
    refused(c.mesh, joinEntry(c.mesh, person(20), 50, invite), 'invite-not-open')
    refused(c.mesh, entry(c.mesh, c.admin, 'invite-revoke', { invite }), 'invite-not-open')
    refused(c.mesh, entry(c.mesh, c.admin, 'invite-revoke', { invite: seed(66) }), 'invite-unknown')
  })
  test('codes and keys of invites are never used again, nor ended before they begin', () => {
    const c = cast()
    open(c, 50)
    const again = (n: number, more = {}) => entry(c.mesh, c.admin, 'invite', inviteBody(c.mesh, n, more))
    refused(c.mesh, again(51, { code: seed(50).slice(0, 16) }), 'invite-code-reused')
    refused(c.mesh, again(51, { key: deriveInviteKeys(seed(50)).signer.publicKey }), 'invite-key-reused')
    refused(c.mesh, again(51, { key: keyOf(c.member) }), 'invite-key-reused')
    refused(c.mesh, again(51, { expiresAt: c.mesh.roster.at }), 'invite-expired')
    const { signer } = deriveInviteKeys(seed(50))
    const invite = open(c, 52)
    refused(c.mesh, joinEntry(c.mesh, { ...person(20), signer }, 52, invite), 'invite-key-reused')
  })
  test('what a demoted author could no longer write is void', () => {
    const c = cast()
    const [asAdmin, asMember] = [open(c, 50, { role: 'admin' }), open(c, 51)]
    const others = append(c.mesh, entry(c.mesh, c.owner, 'invite', inviteBody(c.mesh, 52)))
    append(c.mesh, entry(c.mesh, c.owner, 'role', { member: keyOf(c.admin), role: 'member' }))
    expect([asAdmin, asMember, others].map(i => stateOf(c, i))).toEqual(['void', 'void', 'open'])
    refused(c.mesh, joinEntry(c.mesh, person(20), 50, asAdmin), 'invite-not-open')
  })
})

describe('removal, leaving and epochs', () => {
  const remove = (
    c: Cast,
    by: Person,
    who: Person,
    epoch = nextEpoch(c.mesh, receivers(c.mesh, who)).epoch,
  ) => entry(c.mesh, by, 'remove', { member: keyOf(who), epoch })
  test('a removal begins the next epoch, voids every open invite and never lets the key back', () => {
    const c = cast()
    const invite = append(c.mesh, entry(c.mesh, c.admin, 'invite', inviteBody(c.mesh, 50, { uses: 5 })))
    append(c.mesh, remove(c, c.admin, c.member))
    expect(c.mesh.roster.epoch).toMatchObject({ number: 2, beganSeq: c.mesh.roster.seq })
    expect(c.mesh.roster.epochs.map(e => e.number)).toEqual([1, 2])
    expect(c.mesh.roster.rekeyDue).toBe(false)
    refused(c.mesh, joinEntry(c.mesh, person(20), 50, invite), 'invite-not-open')
    refused(c.mesh, entry(c.mesh, c.member, 'rename', { name: seed(1) }), 'not-a-member')
    const fresh = append(c.mesh, entry(c.mesh, c.admin, 'invite', inviteBody(c.mesh, 51)))
    refused(c.mesh, joinEntry(c.mesh, c.member, 51, fresh), 'key-came-back')
    refused(
      c.mesh,
      entry(c.mesh, c.admin, 'invite', inviteBody(c.mesh, 52, { key: keyOf(c.member) })),
      'invite-key-reused',
    )
    refused(c.mesh, remove(c, c.admin, c.member), 'not-a-member')
  })
  test('leaving voids invites and makes a rekey due, which any admin settles', () => {
    const c = cast()
    const invite = append(c.mesh, entry(c.mesh, c.admin, 'invite', inviteBody(c.mesh, 50)))
    append(c.mesh, entry(c.mesh, c.member, 'remove', { member: keyOf(c.member), epoch: null }))
    expect(c.mesh.roster).toMatchObject({ rekeyDue: true, epoch: { number: 1 } })
    expect(c.mesh.roster.invites.get(toBase64url(invite))?.state).toBe('void')
    append(c.mesh, entry(c.mesh, c.admin, 'rekey', { epoch: nextEpoch(c.mesh, receivers(c.mesh)).epoch }))
    expect(c.mesh.roster).toMatchObject({ rekeyDue: false, epoch: { number: 2 } })
  })
  test('a removal of somebody else begins an epoch, one’s own must not', () => {
    const c = cast()
    refused(
      c.mesh,
      entry(c.mesh, c.admin, 'remove', { member: keyOf(c.member), epoch: null }),
      'epoch-missing',
    )
    refused(c.mesh, remove(c, c.member, c.member), 'leaver-rekeys')
  })
  test('the last owner is neither removed nor demoted, by anybody; the last but one is', () => {
    const c = cast()
    append(c.mesh, remove(c, c.founder, c.owner))
    c.mesh.epochKeys.push(seed(202))
    refused(
      c.mesh,
      entry(c.mesh, c.founder, 'remove', { member: keyOf(c.founder), epoch: null }),
      'last-owner',
    )
    refused(c.mesh, remove(c, c.admin, c.founder), 'last-owner')
    refused(
      c.mesh,
      entry(c.mesh, c.founder, 'role', { member: keyOf(c.founder), role: 'admin' }),
      'last-owner',
    )
    append(c.mesh, entry(c.mesh, c.founder, 'role', { member: keyOf(c.founder), role: 'owner' }))
  })
  test('epochs are numbered one by one', () => {
    const c = cast()
    for (const number of [1, 3]) {
      const { epoch } = nextEpoch(c.mesh, [], number)
      refused(c.mesh, entry(c.mesh, c.admin, 'rekey', { epoch }), 'epoch-number')
      refused(c.mesh, remove(c, c.admin, c.member, epoch), 'epoch-number')
    }
  })
  test('role and remove of who is no member are refused', () => {
    const c = cast()
    refused(c.mesh, entry(c.mesh, c.owner, 'role', { member: seed(4), role: 'viewer' }), 'not-a-member')
    refused(
      c.mesh,
      entry(c.mesh, c.owner, 'remove', { member: seed(4), epoch: nextEpoch(c.mesh, []).epoch }),
      'not-a-member',
    )
  })
})

describe('copies of an epoch key', () => {
  const fails = (c: Cast, bad: RosterEntry, copies: Parameters<typeof checkEpochCopies>[2], rule: string) =>
    expect(() => checkEpochCopies(c.mesh.roster, bad, copies)).toThrow(
      expect.objectContaining({ code: 'integrity', facts: { rule } }),
    )
  test('a removal’s go to exactly the members left, before and after it is applied', () => {
    const c = cast()
    const left = receivers(c.mesh, c.member)
    const { copies, epoch, key } = nextEpoch(c.mesh, left)
    const removal = entry(c.mesh, c.admin, 'remove', { member: keyOf(c.member), epoch })
    checkEpochCopies(c.mesh.roster, removal, copies)
    fails(c, removal, copies.slice(1), 'copies-receivers')
    fails(c, removal, [...copies, copies[0]!], 'copies-receivers')
    fails(c, removal, [...copies.slice(1), { ...copies[0]!, to: keyOf(c.member) }], 'copies-receivers')
    const [first, second] = [copies[0]!, copies[1]!]
    const swapped = [{ ...first, copy: second.copy }, { ...second, copy: first.copy }, ...copies.slice(2)]
    fails(c, removal, swapped, 'copies-root')
    append(c.mesh, removal)
    checkEpochCopies(c.mesh.roster, removal, copies.toReversed())
    const mine = copies.find(({ to }) => Buffer.compare(to, keyOf(c.viewer)) === 0)!
    const to = { key: keyOf(c.viewer), secret: c.viewer.secret }
    expect(openEpochKey({ number: 2, commitment: epoch.commitment, copy: mine.copy, to })).toEqual(key)
  })
  test('a rekey’s go to open invites too, not to those that ran out', () => {
    const c = cast()
    append(
      c.mesh,
      entry(c.mesh, c.admin, 'invite', inviteBody(c.mesh, 50, { expiresAt: c.mesh.roster.at + 5 })),
    )
    append(c.mesh, entry(c.mesh, c.admin, 'invite', inviteBody(c.mesh, 51)))
    const [early, late] = [50, 51].map(n => {
      const { signer, bundle } = deriveInviteKeys(seed(n))
      return { key: signer.publicKey, bundle }
    })
    const both = nextEpoch(c.mesh, [...receivers(c.mesh), early!, late!])
    checkEpochCopies(c.mesh.roster, entry(c.mesh, c.admin, 'rekey', { epoch: both.epoch }), both.copies)
    const after = { at: c.mesh.roster.at + 100 }
    fails(c, entry(c.mesh, c.admin, 'rekey', { epoch: both.epoch }, after), both.copies, 'copies-receivers')
    const one = nextEpoch(c.mesh, [...receivers(c.mesh), late!])
    const rekey = entry(c.mesh, c.admin, 'rekey', { epoch: one.epoch }, after)
    checkEpochCopies(c.mesh.roster, rekey, one.copies)
    append(c.mesh, rekey)
    checkEpochCopies(c.mesh.roster, rekey, one.copies)
  })
  test('an entry that begins no epoch brings none', () => {
    const c = cast()
    const leave = entry(c.mesh, c.member, 'remove', { member: keyOf(c.member), epoch: null })
    checkEpochCopies(c.mesh.roster, leave, [])
    fails(c, leave, nextEpoch(c.mesh, receivers(c.mesh)).copies, 'copies-strange')
  })
  test('the root does not depend on the order of the copies, and on everything else', () => {
    const c = cast()
    const { copies } = nextEpoch(c.mesh, receivers(c.mesh))
    expect(epochCopiesRoot(copies.toReversed())).toEqual(epochCopiesRoot(copies))
    expect(epochCopiesRoot(copies.slice(1))).not.toEqual(epochCopiesRoot(copies))
  })
})

test('an entry’s hash is over its signatures too', () => {
  const c = cast()
  const rename = entry(c.mesh, c.member, 'rename', { name: memberName(c.mesh, c.member, 'x') })
  expect(rosterEntryHash({ ...rename, signatures: [new Uint8Array(64)] })).not.toEqual(
    rosterEntryHash(rename),
  )
})
