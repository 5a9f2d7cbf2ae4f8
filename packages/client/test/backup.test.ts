/** The broker's Postgres is backed up under traffic, lost, and restored: what members notice, and that nothing they were told is untrue. */
import { storedLeafHash, TreeFrontier } from '@claudemesh/crypto'
import { type ArchivedPostgres, startArchivedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  couple,
  join,
  type Machine,
  online,
  person,
  reached,
  startWorld,
  text,
  textOf,
  type World,
  when,
} from './world.ts'

const OTHER_LOG = /its database restored|another one than it signed before/

let postgres: ArchivedPostgres
let world: World
let alice: Machine
let bob: Machine
let carol: Machine
let backup: string
const states: string[] = []

beforeAll(async () => {
  postgres = await startArchivedPostgres()
  world = await startWorld({ DATABASE_URL: postgres.url, CHECKPOINT_MS: '100', LOG_LEVEL: 'silent' })
  ;({ alice, bob } = await couple(world))
  const { link } = await alice.client.invite({ role: 'member', uses: 1, expiresMs: 3_600_000 })
  carol = await join(world, link, 'Carol')
  await when(alice.client, 'roster', () => alice.client.view().members === 3)
  await carol.client.stop()
  for (const { client } of [alice, bob]) client.on('state', () => states.push(client.state))
})
afterAll(async () => {
  await Promise.all([alice, bob, carol].map(one => one.client.stop()))
  await world.stop()
  await postgres.close()
})

/** Alice speaks to Bob, one word after the other, until `end` is called. */
function talking() {
  const said: string[] = []
  let heard = () => {}
  let on = true
  const ended = (async () => {
    while (on) {
      said.push(`word ${said.length}`)
      const msg = await alice.client.send(text(null, [person(bob)], said.at(-1)!))
      await reached(alice.client, msg, 'delivered', 'surfaced')
      heard()
    }
  })()
  return {
    said,
    /** Resolves when this many more have been delivered. */
    async more(count: number) {
      const until = said.length + count
      while (said.length < until) await new Promise<void>(resolve => (heard = resolve))
    },
    end: () => {
      on = false
      return ended
    },
  }
}
const heardBy = (one: Machine) => one.client.inbox({ uuid: null }).map(textOf)
const forCarol = async (body: string) =>
  reached(alice.client, await alice.client.send(text(null, [person(carol)], body)), 'accepted')
const carolHears = async (body: string) => {
  await carol.start()
  await when(carol.client, 'inbox', () => heardBy(carol).includes(body))
  await carol.client.stop()
}

/** The whole log below the head that a member pinned, hashed anew: its root is the one that the broker signed. */
async function verifyLog(one: Machine): Promise<void> {
  const { size, root } = one.client.auditHead()!.checkpoint
  const tree = new TreeFrontier()
  while (tree.size < size) {
    const { leaves } = await one.client.auditPage(tree.size, size)
    for (const leaf of leaves) {
      if (leaf.body !== null) expect(storedLeafHash({ ...leaf.body, index: tree.size })).toEqual(leaf.hash)
      tree.push(leaf.hash)
    }
  }
  expect(tree.root()).toEqual(root)
}

test('with the archived log nothing is lost: traffic goes on where it was, and nobody has to do anything', async () => {
  const talk = talking()
  backup = await postgres.backUp(() => talk.more(3))
  await talk.more(3)
  await forCarol('while you were away')
  // In the middle of a word; the broker stays up.
  await postgres.lose()
  await postgres.restore(backup, 'end')
  await talk.more(3)
  await talk.end()
  expect(heardBy(bob)).toEqual(talk.said)
  await carolHears('while you were away')
  await verifyLog(alice)
  expect(states).not.toContain('stopped')
})

test('from the backup alone the log is shorter than it was signed: all stop until the owner accepts that, then what was accepted comes', async () => {
  const before = heardBy(bob).length
  await forCarol('lost with the database')
  await bob.client.stop()
  await alice.client.stop()
  const { size } = alice.client.auditHead()!.checkpoint
  await world.broker.stop()
  await postgres.lose()
  await postgres.restore(backup, 'backup')
  await world.restart()

  await alice.start()
  await when(alice.client, 'state', () => alice.client.state === 'stopped')
  expect(alice.client.why?.message).toMatch(OTHER_LOG)
  expect(alice.client.auditHead()!.checkpoint.size).toBe(size)
  await alice.client.acceptLog()
  await online(alice.client)
  await bob.start()
  await online(bob.client)
  const talk = talking()
  await talk.more(3)
  await talk.end()
  // Nothing of what Bob has comes twice.
  expect(heardBy(bob).slice(before)).toEqual(talk.said)
  await carolHears('lost with the database')
  expect(heardBy(carol)).toEqual(['while you were away', 'lost with the database'])
  await verifyLog(alice)
})
