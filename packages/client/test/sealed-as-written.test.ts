/** What can be sealed at once is sealed as it is written, in the same transaction; it is sent once that stands, in its order. */
import { uuidText } from '@claudemesh/crypto'
import { decodeFrame } from '@claudemesh/protocol'
import { expect, test } from 'vitest'
import type { Link } from '../src/connection/link.ts'
import { offline, type Side } from './offline.ts'

/** Alice is connected, and has bob's keys; what she sends is noted as the texts' numbers in her line. */
async function connected() {
  const { sides } = await offline(2)
  const [alice, bob] = [sides[0]!, sides[1]!]
  const { core, outbox, party } = alice
  core.prekeys.published(core.prekeys.current(party, core.now()), core.now(), 0)
  party.attachment = 1
  const sent: string[][] = []
  const link = {
    requestData: (encode: (ref: number) => Uint8Array) => {
      const frame = decodeFrame(encode(1))
      if (frame.type === 'send') sent.push(frame.envelopes.map(({ header }) => uuidText(header.id)))
      return new Promise(() => {})
    },
  } as unknown as Link
  outbox.up(link)
  const { bundle } = bob.core.prekeys.current(bob.party, core.now())
  outbox.targets.renew(bob.party.recipient, bundle)
  outbox.pairs.of(party, bob.party.key, outbox.targets.get(bob.party.key)!)
  const flushing = { work: () => outbox.seal(), done: () => void outbox.goOn(), failed: () => {} }
  const write = (text: string): Promise<string> => {
    const written = core.group.soon(() => outbox.write(draft(alice, bob, text)))
    core.group.last(flushing)
    return written
  }
  /** `msg`s in the order they were sent, by frame. */
  const sentMsgs = () => sent.map(frame => frame.map(id => alice.store.outbox.sealing(id)!.msg))
  const states = (msgs: readonly string[]) =>
    msgs.map(msg => alice.store.outbox.recipients(msg).flatMap(({ state, pairSeq }) => [state, pairSeq]))
  return { alice, bob, write, sentMsgs, states, flushing }
}

const draft = (from: Side, to: Side, text: string) => ({
  owner: from.party.owner,
  kind: 'text',
  payload: { text, replyTo: null, threadId: null },
  to: [to.party.recipient],
  priority: 'next' as const,
  ttlMs: 86_400_000,
  ordered: true,
})

test('messages of one turn stand sealed in one commit, and go out in one frame in the order they were written', async () => {
  const { alice, write, sentMsgs, states } = await connected()
  const before = alice.store.commits
  const msgs = await Promise.all(['a', 'b', 'c'].map(write))
  expect(alice.store.commits - before).toBe(1)
  expect(states(msgs)).toEqual([
    ['sealed', 1],
    ['sealed', 2],
    ['sealed', 3],
  ])
  expect(sentMsgs()).toEqual([msgs])
  for (const msg of msgs) {
    const [sealing] = alice.store.outbox.sealingsOf(msg)
    expect(alice.store.outbox.message(msg)!.endsAt).toBe(sealing!.sentAt + 86_400_000)
  }
})

test('more of one turn than are sealed as they are written go out behind these, in the order they were written', async () => {
  const { write, sentMsgs, states } = await connected()
  const msgs = await Promise.all(Array.from({ length: 150 }, (_, n) => write(`${n}`)))
  expect(sentMsgs().flat()).toEqual(msgs)
  expect(states(msgs)).toEqual(msgs.map((_, n) => ['sealed', n + 1]))
})

test('of a turn that failed nothing is sent; what is done again alone is sent once, under bytes of its own', async () => {
  const { alice, write, sentMsgs, states } = await connected()
  const written = [write('a'), write('b')]
  const failing = alice.core.group.soon(() => {
    throw new Error('not this one')
  })
  await expect(failing).rejects.toThrow('not this one')
  const stood = await Promise.all(written)
  expect(sentMsgs()).toEqual([stood])
  expect(
    alice.store.outbox
      .list({})
      .map(({ msg }) => msg)
      .sort(),
  ).toEqual(stood.toSorted())
  expect(states(stood)).toEqual([
    ['sealed', 1],
    ['sealed', 2],
  ])
})

test('what has to wait is not overtaken: with one pending before it the next is written pending too', async () => {
  const { alice, bob, write, sentMsgs, states } = await connected()
  const { core, outbox } = alice
  const alone = (text: string) => core.commit.run(() => outbox.write(draft(alice, bob, text)))
  const { prekey } = outbox.targets.get(bob.party.key)!
  outbox.targets.forget(bob.party.key)
  const first = alone('first')
  outbox.targets.renew(bob.party.recipient, prekey)
  const second = alone('second')
  expect(states([first, second])).toEqual([
    ['pending', 1],
    ['pending', 2],
  ])
  await outbox.pump()
  const third = await write('third')
  expect(sentMsgs().flat()).toEqual([first, second, third])
})

test('without a connection, or without keys, it is written pending, and sealed later', async () => {
  const { alice, bob, write, states } = await connected()
  alice.outbox.targets.forget(bob.party.key)
  alice.outbox.down()
  expect(states([await write('a')])).toEqual([['pending', 1]])
})
