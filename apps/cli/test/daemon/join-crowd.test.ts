import { expect, test } from 'vitest'
import { broker, machine } from './world.ts'

/** More than the broker tells of in one page. */
const SESSIONS = 42

test('whoever has just joined a crowd is shown all of it, reaches everybody, and finds a session by its name', async () => {
  const server = await broker()
  const alice = await machine()
  await alice.call('createMesh', { body: { name: 'home', broker: server.url, memberName: 'alice' } })
  const names = Array.from({ length: SESSIONS }, (_, i) => `s${i}`)
  await Promise.all(names.map(name => alice.open(crypto.randomUUID(), { name })))
  const { link } = await alice.call<{ link: string }>('createInvite', { body: { uses: 3 } })
  const guest = async (name: string) => {
    const one = await machine()
    expect(await one.call('join', { body: { link, name } })).toMatchObject({
      mesh: 'home',
      role: 'member',
      members: expect.arrayContaining([
        expect.objectContaining({ name: 'alice', role: 'owner', self: false }),
        expect.objectContaining({ name, role: 'member', self: true }),
      ]),
    })
    return one
  }

  const bob = await guest('bob')
  const shown = (await bob.peers()).filter(({ session }) => session !== null)
  expect(shown.map(({ name }) => name).sort()).toEqual(names.map(name => `alice/${name}`).sort())
  expect(shown.every(({ lease }) => lease === 'online')).toBe(true)

  const carol = await guest('carol')
  const { recipients } = await carol.send('alice/s30 @all', 'hello', { wait: 'accepted' })
  const sessions = recipients.filter(({ to }) => to.startsWith('alice/'))
  expect(sessions.map(({ state }) => state)).toEqual(names.map(() => 'accepted'))
})
