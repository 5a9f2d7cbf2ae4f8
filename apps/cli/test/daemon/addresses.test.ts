import type { MemberView, SessionView } from '@claudemesh/client'
import { type Recipient, toBase64url } from '@claudemesh/protocol'
import { describe, expect, test } from 'vitest'
import { resolveAddresses } from '../../src/daemon/addresses.ts'
import { labeller, type Who } from '../../src/daemon/labels.ts'
import { plainGroup, plainLine, plainName } from '../../src/daemon/plain-words.ts'

const key = (n: number) => new Uint8Array(32).fill(n)
const member = (n: number, name: string): MemberView => ({
  key: key(n),
  name,
  role: 'member',
  joinedAt: 0,
  self: n === 1,
})
function session(
  owner: number,
  n: number,
  name: string,
  more: Partial<SessionView> & { groups?: string[] } = {},
): SessionView {
  const { groups = [], ...rest } = more
  return {
    recipient: { member: key(owner), session: key(n) },
    uuid: `${n.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`,
    former: [],
    memberName: ['', 'alice', 'bob', 'bob2', 'carol'][owner]!,
    role: 'member',
    lease: 'online',
    leaseAt: 0,
    status: 'idle',
    source: 'daemon',
    statusAt: 0,
    profile: { name, role: '', groups, summary: '', directory: '' },
    signed: true,
    self: owner === 1,
    ...rest,
  }
}
const who: Who = {
  confirmed: new Map(),
  members: [member(1, 'alice'), member(2, 'bob'), member(3, 'bob2'), member(4, 'carol')],
  sessions: [
    session(1, 11, 'web', { groups: ['front'] }),
    session(2, 21, 'api', { groups: ['back', 'front'] }),
    session(2, 22, 'db', { groups: ['back'], lease: 'offline' }),
    session(2, 23, 'api', { status: 'closed', groups: ['back'] }),
  ],
}
const alice: Recipient = { member: key(1), session: null }
const web: Recipient = { member: key(1), session: key(11) }
const name = labeller(who)
const resolve = (addresses: string[], speaker = alice) => resolveAddresses(addresses, who, speaker).map(name)

describe('an address', () => {
  test.each([
    [['bob'], ['bob']],
    [['bob/api'], ['bob/api']],
    [['bob/db'], ['bob/db']],
    [[' bob '], ['bob']],
    [
      ['bob', 'bob', 'bob/api', 'bob/api'],
      ['bob', 'bob/api'],
    ],
    [['@back'], ['bob/api', 'bob/db']],
    [['@front'], ['alice/web', 'bob/api']],
    [['@all'], ['alice/web', 'bob/api', 'bob/db', 'bob2', 'carol']],
    [['00000015'], ['bob/api']],
    [[`${toBase64url(key(4)).slice(0, 8)}`], ['carol']],
    [[`${toBase64url(key(2)).slice(0, 10)}/api`], ['bob/api']],
    [[toBase64url(key(22)).slice(0, 6)], ['bob/db']],
  ])('%j names %j', (addresses, names) => {
    expect(resolve(addresses)).toEqual(names)
  })

  test('of a group leaves the speaking session out, and no other', () => {
    expect(resolve(['@front'], web)).toEqual(['bob/api'])
    expect(resolve(['@all'], web)).toEqual(['bob/api', 'bob/db', 'bob2', 'carol'])
  })

  test('of a group reaches who is below it, in the role asked for; who has only closed sessions there, as a person', () => {
    const below: Who = {
      ...who,
      sessions: [
        session(2, 21, 'api', { groups: ['core/backend:lead'] }),
        session(2, 22, 'db', { groups: ['core/backend', 'corex'] }),
        session(3, 31, 'old', { status: 'closed', groups: ['core'] }),
        session(4, 41, 'ui', { groups: ['core/front:lead', 'core/backend'] }),
        session(1, 11, 'web', { status: 'closed', groups: ['core'] }),
      ],
    }
    const reached = (address: string) => resolveAddresses([address], below, alice).map(labeller(below))
    expect(reached('@core')).toEqual(['bob/api', 'bob/db', 'bob2', 'carol/ui'])
    expect(reached('@core/backend')).toEqual(['bob/api', 'bob/db', 'carol/ui'])
    expect(reached('@core:lead')).toEqual(['bob/api', 'carol/ui'])
    expect(reached('@core/backend:lead')).toEqual(['bob/api'])
    expect(reached('@corex')).toEqual(['bob/db'])
    for (const none of ['@cor', '@core/', '@core/back', '@backend', '@core/backend:', '@core/backend:Lead'])
      expect(() => reached(none)).toThrow(expect.objectContaining({ code: 'not-found' }))
  })

  test.each([
    ['dave', 'not-found'],
    ['api', 'not-found'],
    ['bob/nothing', 'not-found'],
    ['carol/api', 'not-found'],
    ['@nobody', 'not-found'],
    ['@', 'not-found'],
    ['/', 'not-found'],
    ['BOB', 'not-found'],
    ['alice', 'usage'],
    ['00000', 'not-found'],
    ['000000', 'ambiguous'],
  ])('%s is refused as %s, with candidates', (address, code) => {
    const refusal = expect.objectContaining({ code, field: 'to' })
    expect(() => resolve([address])).toThrow(refusal)
    if (code !== 'usage')
      expect(() => resolve([address])).toThrow(
        expect.objectContaining({ facts: { candidates: expect.arrayContaining([expect.any(String)]) } }),
      )
  })

  test('that two people share is nobody’s until the key decides', () => {
    const two = { ...who, members: [...who.members, member(5, 'bob')] }
    expect(() => resolveAddresses(['bob'], two, alice)).toThrow(
      expect.objectContaining({ code: 'ambiguous' }),
    )
    const [chosen] = resolveAddresses([toBase64url(key(5)).slice(0, 8)], two, alice)
    expect(chosen?.member[0]).toBe(5)
  })

  test('made of another’s key is ambiguous, not a way to catch her mail', () => {
    const thief = { ...who, members: [...who.members, member(6, toBase64url(key(4)).slice(0, 12))] }
    const address = toBase64url(key(4)).slice(0, 12)
    expect(() => resolveAddresses([address], thief, alice)).toThrow(
      expect.objectContaining({ code: 'ambiguous' }),
    )
  })
})

describe('a name whose key was confirmed', () => {
  const [bob, carol] = [2, 4].map(n => toBase64url(key(n))) as [string, string]
  const confirmed = new Map([
    [bob, { member: bob, name: 'bob', at: 0 }],
    [carol, { member: carol, name: 'carol', at: 0 }],
  ])
  const named = (names: Record<number, string>): Who => ({
    sessions: [],
    confirmed,
    members: Object.entries(names).map(([n, name]) => member(Number(n), name)),
  })
  const to = (address: string, who: Who) => resolveAddresses([address], who, alice)[0]!.member[0]

  test.each([
    ['is kept for its key when that was renamed', { 2: 'robert', 3: 'bob' }, 'bob'],
    ['is not another confirmed one’s either', { 2: 'bob', 4: 'bob' }, 'bob'],
    ['is guarded in the form it was renamed to, too', { 2: 'robert', 3: 'robert' }, 'robert'],
    ['is guarded when its owner is gone', { 3: 'bob' }, 'bob'],
  ])('%s', (_, names, address) => {
    expect(() => to(address, named(names))).toThrow(expect.objectContaining({ code: 'integrity' }))
  })

  test('stands for its key, and every other name for whoever bears it', () => {
    expect(to('bob', named({ 2: 'bob', 3: 'bob2' }))).toBe(2)
    expect(to('robert', named({ 2: 'robert', 3: 'bob' }))).toBe(2)
    expect(to('dave', named({ 2: 'bob', 5: 'dave' }))).toBe(5)
  })
})

describe('words of ours', () => {
  test('are visible, in one form and of bounded length', () => {
    expect(plainName('  Zoe\u0308  Ö ', 'name')).toBe('Zo\u00eb Ö')
    expect(plainGroup('@back', 'groups')).toBe('back')
    expect(plainLine('two\nlines', 'summary', 20)).toBe('two lines')
    for (const bad of ['', ' ', 'a/b', '@x', 'a\u0007', 'a\u202eb', 'a\u{e0041}', 'x'.repeat(65), 'a,b'])
      expect(() => plainName(bad, 'name')).toThrow(expect.objectContaining({ code: 'usage', field: 'name' }))
    expect(plainGroup('@core/backend:lead', 'groups')).toBe('core/backend:lead')
    for (const bad of [
      'all',
      'all/x',
      'all:r',
      '/a',
      'a/',
      'a//b',
      'a:',
      ':r',
      'a:b/c',
      'a/@b',
      'x'.repeat(65),
    ])
      expect(() => plainGroup(bad, 'groups'), bad).toThrow(
        expect.objectContaining({ code: 'usage', field: 'groups' }),
      )
    expect(() => plainLine('x'.repeat(21), 'summary', 20)).toThrow()
  })
})
