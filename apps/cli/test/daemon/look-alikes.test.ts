/** Who could be taken for somebody else in the same mesh is named wherever people are listed, and to who has just joined. */
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, test } from 'vitest'
import { command } from './command.ts'
import { admit, machine, pair } from './world.ts'

afterAll(stopSharedPostgres)

test('members, peers and join warn of a name that looks like another', async () => {
  const { alice, bob } = await pair()
  for (const list of ['members', 'peers']) expect((await command(alice, list)).stderr).toBe('')
  const mallory = await machine()
  await admit(alice, mallory, 'Ьоb')
  const warned = /Names that look alike in home: .*bob \(.* claudemesh verify /
  for (const one of [alice, bob])
    for (const list of ['members', 'peers']) {
      const { stdout, stderr } = await command(one, list)
      expect(stderr).toMatch(warned)
      expect(stdout).toContain('Ьоb (unverified)')
    }
  const carol = await machine()
  const { link } = await alice.call<{ link: string }>('createInvite', { body: {} })
  const joined = await command(carol, 'join', '-y', '--name', 'carol', link)
  expect([joined.stdout, joined.stderr]).toEqual([
    expect.stringContaining('You are in home'),
    expect.stringMatching(warned),
  ])
})
