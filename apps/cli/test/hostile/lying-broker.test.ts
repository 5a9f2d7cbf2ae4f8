import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DENIAL_ATTACKS } from './attacks/denial.ts'
import { ENVELOPE_ATTACKS } from './attacks/envelope.ts'
import { FREEZING_ATTACKS } from './attacks/freezing.ts'
import { INVITE_ATTACKS } from './attacks/invite.ts'
import { KEY_ATTACKS } from './attacks/keys.ts'
import { MEMBER_ATTACKS } from './attacks/member.ts'
import { ORDER_ATTACKS } from './attacks/order.ts'
import { OUTCOME_ATTACKS } from './attacks/outcome.ts'
import { PRESENCE_ATTACKS } from './attacks/presence.ts'
import { ROSTER_ATTACKS } from './attacks/roster.ts'
import { openTheatre, type Theatre } from './stage.ts'

let theatre: Theatre
beforeAll(async () => {
  theatre = await openTheatre()
})
afterAll(() => theatre?.close())

test('the same relay without a lie: what is written is read, and each end sees it', async () => {
  theatre.begin()
  const [alice, bob] = await theatre.stage.mesh('Bob')
  const msg = alice!.send([bob!.recipient], 'hello')
  await theatre.stage.until('delivered', () => alice!.stateOf(msg) === 'delivered')
  expect(bob!.texts()).toEqual(['hello'])
  expect(await theatre.end()).toEqual({ shown: [], strangeKeys: [], struck: 0 })
})

describe('is found when', () => {
  for (const { name, seen, run } of [
    ...ENVELOPE_ATTACKS,
    ...ORDER_ATTACKS,
    ...OUTCOME_ATTACKS,
    ...KEY_ATTACKS,
    ...PRESENCE_ATTACKS,
    ...ROSTER_ATTACKS,
    ...INVITE_ATTACKS,
    ...MEMBER_ATTACKS,
    ...FREEZING_ATTACKS,
    ...DENIAL_ATTACKS,
  ])
    test(name, async () => {
      theatre.begin()
      try {
        expect(await run(theatre.stage)).toEqual(seen)
      } finally {
        const after = await theatre.end()
        expect(after).toEqual({ shown: [], strangeKeys: [], struck: expect.any(Number) })
        expect(after.struck).toBeGreaterThan(0)
      }
    })
})
