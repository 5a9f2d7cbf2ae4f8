/** Runs the table of attacks: a real broker that lies, and members who lie, against real clients on real stores. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ATTACKS } from './attacks/all.ts'
import { UNFOUND } from './attacks/unfound.ts'
import { type Attack, openTheatre, type Theatre } from './stage.ts'

let theatre: Theatre
beforeAll(async () => {
  theatre = await openTheatre()
})
afterAll(() => theatre?.close())

test('the same relay without a lie: what is written is read, and each end sees it', async () => {
  theatre.begin()
  const [alice, bob] = await theatre.stage.mesh('Bob')
  const msg = await alice!.send([bob!.recipient], 'hello')
  await theatre.stage.until('delivered', () => alice!.stateOf(msg) === 'delivered')
  expect(bob!.texts()).toEqual(['hello'])
  expect(await theatre.end()).toEqual({ shown: [], strangeKeys: [], struck: 0 })
})

const attacked = ({ name, seen, run }: Attack): void =>
  test(name, async () => {
    theatre.begin()
    try {
      expect(await run(theatre.stage)).toEqual(seen)
    } catch (error) {
      await theatre.end()
      throw error
    }
    const after = await theatre.end()
    expect(after).toEqual({ shown: [], strangeKeys: [], struck: expect.any(Number) })
    expect(after.struck).toBeGreaterThan(0)
  })

for (const { title, attacks } of ATTACKS)
  describe(title, () => {
    for (const attack of attacks) attacked(attack)
  })

describe('not promised: this is believed', () => {
  for (const attack of UNFOUND) attacked(attack)
})
