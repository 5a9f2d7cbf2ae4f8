import { signRosterEntry } from '@claudemesh/crypto'
import { sealName } from '@claudemesh/crypto/sealing'
import { expect, test } from 'vitest'
import { memberName, meshName } from '../src/roster/names.ts'
import { offline } from './offline.ts'

test('names opened once stay, a new name shows at once, and one whose key comes later is opened then', async () => {
  const { sides, clock } = await offline(2)
  const { keeper, identity } = sides[0]!.core
  const { publicKey: author } = identity.member
  const names = () => [...keeper.roster.members.values()].map(member => memberName(keeper, member))
  expect([meshName(keeper), ...names()]).toEqual(['Mesh', 'member 0', 'member 1'])
  expect([meshName(keeper), ...names()]).toEqual(['Mesh', 'member 0', 'member 1'])
  const { mesh } = identity
  const epochKey = keeper.epochs.get(1)!
  const name = sealName({ name: 'Alice', epochKey, epoch: 1, mesh, author, what: 'member' })
  const place = { mesh, seq: keeper.roster.seq + 1, prev: keeper.roster.head, at: clock.now }
  keeper.accept([signRosterEntry({ ...place, author, kind: 'rename', body: { name } }, identity.member)], [])
  expect(names()).toEqual(['Alice', 'member 1'])
  // The same roster where the epoch's key is not there yet.
  let key: Uint8Array | undefined
  const opened = new WeakMap<object, string>()
  const late = { roster: keeper.roster, epochs: { get: () => key }, opened } as unknown as typeof keeper
  expect(meshName(late)).toHaveLength(8)
  key = epochKey
  expect(meshName(late)).toBe('Mesh')
})
