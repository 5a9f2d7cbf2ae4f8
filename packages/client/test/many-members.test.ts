/** A mesh of 1,500: its next key goes to everybody in several frames, and every copy is there. */
import { generateSigner, signJoin } from '@claudemesh/crypto'
import { deriveInviteKeys, generateAgreement } from '@claudemesh/crypto/sealing'
import type { EpochCopy, MeshError } from '@claudemesh/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dialMember } from '../src/connection/dial-member.ts'
import type { Link } from '../src/connection/link.ts'
import { byTimeout } from '../src/connection/schedule.ts'
import { removeMember } from '../src/mesh/remove.ts'
import { RosterKeeper } from '../src/roster/keeper.ts'
import { entryOfJson } from '../src/roster/stored.ts'
import { couple, type Machine, startWorld, type World, when } from './world.ts'

const MEMBERS = 1_500

let world: World
beforeAll(async () => {
  world = await startWorld({ FRAME_BYTES: String(1 << 20) })
})
afterAll(() => world.stop())

const dial = ({ identity }: Machine) =>
  dialMember({ identity, address: identity, schedule: byTimeout }, WebSocket, {})

/** Members of whom only the keys exist, appended one by one on one socket. */
async function crowd(by: Machine, count: number): Promise<void> {
  const { bundle } = generateAgreement()
  for (let left = count; left > 0; left -= 1_000) {
    const uses = Math.min(left, 1_000)
    const made = await by.client.invite({ role: 'member', uses, expiresMs: 3_600_000 })
    const secret = Buffer.from(made.link.split('#')[1]!, 'base64url').subarray(0, 32)
    const invite = deriveInviteKeys(new Uint8Array(secret))
    const { mesh } = by.identity
    const link = await dial(by)
    let { rosterSeq: seq, rosterHead: head } = link.welcome
    for (let i = 0; i < uses; i++) {
      const member = generateSigner()
      const name = crypto.getRandomValues(new Uint8Array(298))
      const place = { mesh, seq: seq + 1, prev: head, at: Date.now(), author: member.publicKey }
      const body = { invite: made.id, bundle, name }
      const entry = signJoin({ ...place, kind: 'join', body }, member, invite.signer)
      ;({ seq, head } = await link.request({ type: 'roster.append', entry, copies: null }, 'appended'))
    }
    link.close()
  }
}

test('a removal reaches 1,500 members with a key for each, after a lost race too; more copies than receivers are refused', async () => {
  const { alice, bob } = await couple(world)
  await crowd(alice, MEMBERS)
  await when(alice.client, 'roster', () => alice.client.members().length === MEMBERS + 2)
  const last = alice.store.roster.entries().map(entryOfJson).at(-1)!
  await alice.client.remove(last.author)
  await when(bob.client, 'roster', () => bob.client.view().epoch === 2)
  expect(bob.client.members()).toHaveLength(MEMBERS + 1)
  expect(bob.store.epochs.all().map(row => row.number)).toEqual([1, 2])

  const link = await dial(alice)
  const copies = Array.from(
    { length: 500 },
    (): EpochCopy => ({ to: last.author, copy: new Uint8Array(1200) }),
  )
  const stage = () =>
    link.request({ type: 'roster.copies', copies }, 'ok').catch((error: MeshError) => error.code)
  expect([await stage(), await stage(), await stage()].map(answer => typeof answer)).toEqual(
    Array(3).fill('object'),
  )
  expect(await stage()).toBe('too-large')
  const bobs = await dial(bob)
  const refused = await bobs.request({ type: 'roster.copies', copies }, 'ok').catch(error => error)
  expect(refused).toMatchObject({ code: 'forbidden' })
  for (const one of [link, bobs]) one.close()

  // Somebody is faster: the copies that went before the entry are lost with it, and go before the next one again.
  await alice.client.stop()
  const { store, identity } = alice
  const keeper = new RosterKeeper({ store, identity, now: Date.now, log: () => {} })
  const alices = await dial(alice)
  const sent: string[] = []
  const overtaken: Link = {
    ...alices,
    request: async (frame, answer) => {
      if (frame.type === 'roster.append' && !sent.includes(frame.type))
        await bob.client.rename('member', 'Bobby')
      sent.push(frame.type)
      return alices.request(frame, answer)
    },
  }
  const next = store.roster
    .entries()
    .map(entryOfJson)
    .findLast(entry => entry.kind === 'join' && entry.seq < last.seq)!
  await removeMember({ keeper, identity, now: Date.now }, overtaken, next.author)
  const copiesOnce = Array(3).fill('roster.copies')
  const tries = sent.filter(type => type !== 'roster.get')
  expect(tries).toEqual([...copiesOnce, 'roster.append', ...copiesOnce, 'roster.append'])
  await when(bob.client, 'roster', () => bob.client.view().epoch === 3)
  expect(bob.store.epochs.all().map(row => row.number)).toEqual([1, 2, 3])
  alices.close()
  await bob.client.stop()
}, 300_000)
