/** From what a person types to recipients: `alice`, `alice/api`, `@group`, `@group:role`, `@all`, a key or UUID prefix. Never a guess. */

import type { MemberView, SessionView } from '@claudemesh/client'
import { recipientKey } from '@claudemesh/crypto'
import { equalBytes, MeshError, type Recipient, toBase64url } from '@claudemesh/protocol'
import { reaches, readGroup } from '../api/groups.ts'
import { chooseOne } from './choose-one.ts'
import { sessionLabel, sessionName, type Who } from './labels.ts'
import { refuseTakenName } from './verification.ts'

const PREFIX = 6

/** Everybody the addresses name, nobody twice, the speaker left out of groups. Throws `not-found`, `ambiguous`, `usage`, `integrity`. */
export function resolveAddresses(addresses: readonly string[], who: Who, speaker: Recipient): Recipient[] {
  const found = new Map<string, Recipient>()
  for (const address of addresses)
    for (const recipient of resolveOne(address.trim().normalize('NFC'), who, speaker))
      found.set(recipientKey(recipient), recipient)
  return [...found.values()]
}

/** `@all` or `@group`. */
export const isGroup = (address: string): boolean => address.trim().startsWith('@')

function resolveOne(address: string, who: Who, speaker: Recipient): Recipient[] {
  if (address === '@all') return others(everybody(who), speaker, address, who)
  if (isGroup(address)) return others(group(address.slice(1), who), speaker, address, who)
  const slash = address.indexOf('/')
  const one = slash < 0 ? personOrKey(address, who) : session(address, slash, who)
  if (recipientKey(one) === recipientKey(speaker))
    throw new MeshError('usage', `${address} is who is speaking: a message to oneself goes nowhere.`, {
      field: 'to',
    })
  return [one]
}

const everybody = (who: Who): Recipient[] => who.members.flatMap(member => placesOf(member, who.sessions))

/** Who has a session in the group, or in one below it; a closed session counts, since its person is in the group all the same. */
function group(name: string, { members, sessions }: Who): Recipient[] {
  const within = sessions.filter(each => each.profile?.groups.some(one => reaches(name, one)))
  return members
    .filter(member => within.some(each => equalBytes(each.recipient.member, member.key)))
    .flatMap(member => placesOf(member, within))
}

/** Each of these sessions of the member that is not closed; without one, the person. */
function placesOf(member: MemberView, among: readonly SessionView[]): Recipient[] {
  const theirs = among.filter(each => isOpen(each) && equalBytes(each.recipient.member, member.key))
  return theirs.length > 0 ? theirs.map(each => each.recipient) : [person(member)]
}

function others(
  recipients: Recipient[],
  speaker: Recipient,
  address: string,
  { sessions }: Who,
): Recipient[] {
  const self = recipientKey(speaker)
  const left = recipients.filter(
    each =>
      recipientKey(each) !== self && !(each.session === null && equalBytes(each.member, speaker.member)),
  )
  if (left.length > 0) return left
  const groups = sessions.flatMap(each => each.profile?.groups.map(one => readGroup(one).path) ?? [])
  const candidates = ['@all', ...new Set(groups.map(name => `@${name}`))].filter(each => each !== address)
  throw new MeshError('not-found', `Nobody but you is in ${address}.`, { field: 'to', facts: { candidates } })
}

function session(address: string, slash: number, who: Who): Recipient {
  const owner = personOrKey(address.slice(0, slash), { ...who, sessions: [] })
  const theirs = who.sessions.filter(each => equalBytes(each.recipient.member, owner.member))
  if (theirs.length > 0) return oneSession(address.slice(slash + 1), theirs, address)
  const candidates = who.members.filter(each => equalBytes(each.key, owner.member)).map(each => each.name)
  throw new MeshError('not-found', `${address.slice(0, slash)} has no session yet: write to the person.`, {
    field: 'to',
    facts: { candidates },
  })
}

function oneSession(named: string, among: readonly SessionView[], address: string): Recipient {
  const fits = among.filter(each => sessionName(each) === named || meant(named, among).includes(each))
  // A session opened anew takes over the name of one that is closed.
  const open = fits.filter(isOpen)
  return chooseOne(open.length > 0 ? open : fits, among, sessionLabelWithId, {
    field: 'to',
    none: `There is no session ${address}.`,
    many: `${address} fits several sessions.`,
  }).recipient
}

function personOrKey(named: string, who: Who): Recipient {
  const { members, sessions } = who
  refuseTakenName(named, who)
  type Fit = { readonly recipient: Recipient; readonly label: string }
  const persons: Fit[] = members
    .filter(each => each.name === named || (isLong(named) && toBase64url(each.key).startsWith(named)))
    .map(each => ({ recipient: person(each), label: `${each.name} (${toBase64url(each.key).slice(0, 12)})` }))
  const bySession: Fit[] = meant(named, sessions).map(each => ({
    recipient: each.recipient,
    label: sessionLabelWithId(each),
  }))
  const nearest = sessions.filter(each => sessionName(each) === named)
  const all = [
    ...nearest.map(each => ({ recipient: each.recipient, label: sessionLabel(each) })),
    ...members.map(each => ({ recipient: person(each), label: each.name })),
  ]
  return chooseOne([...persons, ...bySession], all, fit => fit.label, {
    field: 'to',
    none: `Nobody is called ${named}.`,
    many: `${named} fits several: name one by its key.`,
  }).recipient
}

const person = (member: MemberView): Recipient => ({ member: member.key, session: null })
const isOpen = (session: SessionView): boolean => session.status !== 'closed'
const isLong = (named: string): boolean => named.length >= PREFIX

/** By key or present UUID; where none fits, by a UUID that it had before: who has one now goes before who had it. */
function meant(named: string, among: readonly SessionView[]): SessionView[] {
  if (!isLong(named)) return []
  const begins = (uuid: string) => uuid.startsWith(named.toLowerCase())
  const now = among.filter(
    each => begins(each.uuid) || toBase64url(each.recipient.session!).startsWith(named),
  )
  return now.length > 0 ? now : among.filter(each => each.former.some(begins))
}

const sessionLabelWithId = (session: SessionView): string =>
  `${sessionLabel(session)} (${session.uuid.slice(0, 13)})`
