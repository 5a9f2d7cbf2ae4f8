/** What came and what its sender is told of it are one write to the disk: neither stands without the other; of a message alone the receipt is sealed behind it. */
import { expect, test } from 'vitest'
import { Inbox } from '../src/inbox/inbox.ts'
import { sendReceipts } from '../src/receipts/send.ts'
import { compose, deliver, forSide, offline, type Side, seal, shown } from './offline.ts'

/** An inbox of `side` that sends receipts as the client does, and what was written of them. */
function telling(side: Side) {
  const { core, outbox } = side
  const written: string[] = []
  const { promise: stands, resolve } = Promise.withResolvers<void>()
  const flushing = {
    work: () => sendReceipts(core, draft => outbox.write(draft)),
    done: () => {
      written.push('stands')
      resolve()
    },
    failed: (error: unknown) => written.push(String(error)),
  }
  const inbox = new Inbox(core, outbox, {
    syncRoster: async () => {},
    flush: () => core.group.last(flushing),
    flushAside: () => core.group.lastAside(flushing),
    heard: () => {},
    unwritten: () => {},
  })
  return { inbox, written, stands }
}

test('twenty messages of a turn, their places in the mailbox and the receipt of them are one commit', async () => {
  const { sides } = await offline(2)
  const [alice, bob] = [sides[0]!, sides[1]!]
  const { core, store, party } = bob
  const { inbox, written } = telling(bob)
  const texts = Array.from({ length: 20 }, (_, n) => `text ${n}`)
  const came = texts.map(text => forSide(seal(alice, [bob], compose(alice, [bob], text)), bob))
  const before = store.commits
  await deliver({ ...bob, inbox }, ...came)
  expect(shown(bob)).toEqual(texts)
  expect(store.receipts.due(party.owner, Number.MAX_SAFE_INTEGER, 100)).toEqual([])
  const receipts = store.outbox.due(party.owner, core.now(), 100)
  expect(receipts.map(row => [row.to, row.pairSeq])).toEqual([[alice.party.key, 0]])
  const { items } = JSON.parse(store.outbox.message(receipts[0]!.msg)!.payload!)
  expect(items).toHaveLength(20)
  expect([store.commits - before, bob.acks.length, written]).toEqual([1, 1, ['stands']])
})

test('a message alone is shown, and acked, before its receipt is sealed, which is due by then in the same store', async () => {
  const { sides } = await offline(2)
  const [alice, bob] = [sides[0]!, sides[1]!]
  const { store, party } = bob
  const { inbox, written, stands } = telling(bob)
  const msg = compose(alice, [bob], 'hello')
  await deliver({ ...bob, inbox }, forSide(seal(alice, [bob], msg), bob))
  expect([shown(bob), bob.acks.length, written]).toEqual([['hello'], 1, []])
  const due = store.receipts.due(party.owner, Number.MAX_SAFE_INTEGER, 100)
  expect(due.map(item => [item.msg, item.state])).toEqual([[msg, 'delivered']])
  await stands
  expect(store.receipts.due(party.owner, Number.MAX_SAFE_INTEGER, 100)).toEqual([])
})
