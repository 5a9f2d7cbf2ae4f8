import { applyEntry, checkEpochCopies, rosterEntryHash, signRosterEntry } from '@claudemesh/crypto'
import { deriveInviteKeys, sealEpochKey } from '@claudemesh/crypto/sealing'
import type { BrokerFrame, ClientFrame } from '@claudemesh/protocol'
import { expect, test } from 'vitest'
import type { Link } from '../src/connection/link.ts'
import { writeDueRekey } from '../src/mesh/chores.ts'
import { offline } from './offline.ts'

test('a due rekey holds copies for the invites open at its own time, not at that of the entry before', async () => {
  const { sides, clock } = await offline(3)
  const [alice, bob] = sides.map(side => side.core) as [(typeof sides)[0]['core'], (typeof sides)[0]['core']]
  const { keeper, identity } = alice
  const { mesh } = identity
  const place = (at: number) => ({ mesh, seq: keeper.roster.seq + 1, prev: keeper.roster.head, at })
  const member = bob.identity.member.publicKey
  const leave = { member, epoch: null }
  keeper.accept(
    [
      signRosterEntry(
        { ...place(clock.now), author: member, kind: 'remove', body: leave },
        bob.identity.member,
      ),
    ],
    [],
  )
  const author = identity.member.publicKey
  const invite = (expiresAt: number): void => {
    const keys = deriveInviteKeys(crypto.getRandomValues(new Uint8Array(32)))
    const to = { key: keys.signer.publicKey, bundle: keys.bundle }
    const copy = sealEpochKey({ number: 1, key: keeper.epochs.get(1)!, to })
    const code = crypto.getRandomValues(new Uint8Array(16))
    const body = { ...to, code, role: 'member' as const, uses: 1, expiresAt, copy }
    keeper.accept(
      [signRosterEntry({ ...place(clock.now), author, kind: 'invite', body }, identity.member)],
      [],
    )
  }
  invite(clock.now + 1_000)
  invite(clock.now + 2_000)
  clock.now += 2_000

  // Judges as a broker does, and serves what it took.
  let copied = 0
  const link = {
    async request(frame: ClientFrame): Promise<BrokerFrame> {
      if (frame.type === 'roster.append') {
        const next = structuredClone(keeper.roster)
        applyEntry(next, frame.entry, { now: clock.now })
        checkEpochCopies(next, frame.entry, frame.copies ?? [])
        copied = frame.copies?.length ?? 0
        keeper.accept([frame.entry], [])
        return { type: 'appended', seq: frame.entry.seq, head: rosterEntryHash(frame.entry) }
      }
      const { seq, head } = keeper.roster
      return { type: 'roster', entries: [], copies: [], head, headSeq: seq }
    },
  } as unknown as Link
  expect(await writeDueRekey(alice, link)).toBe(true)
  expect([keeper.roster.epoch.number, keeper.roster.rekeyDue]).toEqual([2, false])
  expect(copied).toBe(3)
})
