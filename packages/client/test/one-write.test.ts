/** What came and what its sender is told of it are one write to the disk: neither stands, or is sent, without the other. */
import { expect, test } from 'vitest'
import { Inbox } from '../src/inbox/inbox.ts'
import { sendReceipts } from '../src/receipts/send.ts'
import { compose, deliver, forSide, offline, seal, shown } from './offline.ts'

test('twenty messages of a turn, their places in the mailbox and the receipt of them are one commit', async () => {
  const { sides } = await offline(2)
  const [alice, bob] = [sides[0]!, sides[1]!]
  const { core, store, party } = bob
  const written: string[] = []
  const flushing = {
    work: () => sendReceipts(core, draft => bob.outbox.write(draft)),
    done: () => written.push('stands'),
    failed: (error: unknown) => written.push(String(error)),
  }
  const inbox = new Inbox(core, bob.outbox, {
    syncRoster: async () => {},
    flush: () => core.group.last(flushing),
    heard: () => {},
    unwritten: () => {},
  })
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
