import { expect, test } from 'vitest'
import { lookAlikes } from './look-alikes.ts'

let last = 0
const member = (name: string, more: object = {}) => ({
  mesh: 'home',
  name,
  member: `key${++last}`.padEnd(43, 'A'),
  verified: false,
  self: false,
  ...more,
})

test('letters of other scripts, digits, capitals, joined letters and what takes no room are seen through', async () => {
  const pairs: [string, string][] = [
    ['alice', 'аlice'],
    ['alice', 'a1ice'],
    ['alice', 'aIice'],
    ['Bob', 'Воb'],
    ['bob', 'BOB'],
    ['modern', 'modem'],
    ['bob', 'ｂｏｂ'],
    ['José', 'Jose\u0301'],
    ['alice', 'al\u200bice'],
    ['__proto__', '__proto__'],
  ]
  for (const [one, other] of pairs)
    expect(await lookAlikes([member(one), member(other)]), `${one} ${other}`).toHaveLength(1)
})

test('other names, one person in two rows, and the same name in two meshes are no look-alikes', async () => {
  const alice = member('alice')
  for (const all of [
    [],
    [alice],
    [alice, alice],
    [alice, member('alina'), member('bob'), member('constructor')],
    [alice, { ...alice, mesh: 'work' }, member('alice', { mesh: 'third' })],
  ])
    expect(await lookAlikes(all)).toEqual([])
})

test('it is said who is who, once, and not of those whom a person confirmed', async () => {
  const [me, sure, other] = [
    member('alice', { self: true }),
    member('аlice', { verified: true }),
    member('a1ice'),
  ]
  expect(await lookAlikes([me, sure])).toEqual([])
  const start = (each: { member: string }) => each.member.slice(0, 12)
  expect(await lookAlikes([me, sure, other])).toEqual([
    `Names that look alike in home: alice (${start(me)}, you), аlice (${start(sure)}, verified), a1ice (${start(other)}). They are different people; who is who: claudemesh verify ${start(other)}`,
  ])
  const hostile = await lookAlikes([member('x\u001b[2J'), member('x\u001b[2J', { mesh: 'home' })])
  expect(hostile.join()).not.toContain('\u001b')
})
