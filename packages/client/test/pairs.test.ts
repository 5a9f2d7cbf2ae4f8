import { generateSigner, prekeyId } from '@claudemesh/crypto'
import { makePrekey } from '@claudemesh/crypto/sealing'
import { TIMES } from '@claudemesh/protocol'
import { beforeEach, expect, test } from 'vitest'
import { Pairs } from '../src/outbox/pairs.ts'
import type { Target } from '../src/outbox/targets.ts'
import { makeParty, type Party, PERSON } from '../src/session/party.ts'

const mesh = new Uint8Array(32).fill(1)
let now: number
let pairs: Pairs
let party: Party
let bob: Party
beforeEach(async () => {
  now = Date.now()
  pairs = new Pairs(mesh, () => now)
  const people = [generateSigner(), generateSigner()].map(signer =>
    makeParty(PERSON, signer.publicKey, signer, now),
  )
  ;[party, bob] = people as [Party, Party]
})

function targetOf(n: number): Target {
  const { prekey } = makePrekey({ mesh, owner: bob.recipient, n, signer: bob.signer })
  return { recipient: bob.recipient, prekey, prekeyId: prekeyId(prekey), lease: 'offline' }
}
const isWiped = (key: Uint8Array): boolean => key.every(byte => byte === 0)

test('what was derived from a prekey serves to the end of its freshness, and is wiped then', () => {
  const target = targetOf(now)
  const first = pairs.of(party, bob.key, target)
  now += TIMES.prekeyFreshMs - 1
  pairs.dropEnded()
  expect([pairs.of(party, bob.key, target) === first, isWiped(first.pairKey)]).toEqual([true, false])
  now += 1
  pairs.dropEnded()
  expect(isWiped(first.pairKey)).toBe(true)
})

test('from a stale one it serves two hours, and never beyond the day the prekey is usable', () => {
  const target = targetOf(now - TIMES.prekeyUsableMs + TIMES.prekeyFreshMs + 1)
  expect(pairs.of(party, bob.key, target).endsAt).toBe(now + TIMES.prekeyFreshMs)
  now += 2
  const last = pairs.of(party, bob.key, targetOf(now - TIMES.prekeyUsableMs + 60_000))
  expect(last.endsAt).toBe(now + 60_000)
})

test('a newer prekey wipes what was derived from the one before, as does an answer that it did not open', () => {
  const first = pairs.of(party, bob.key, targetOf(now))
  const second = pairs.of(party, bob.key, targetOf(now + 1))
  expect([isWiped(first.pairKey), isWiped(second.pairKey)]).toEqual([true, false])
  pairs.forget(party.key, bob.key)
  expect(isWiped(second.pairKey)).toBe(true)
})
