import { decodeFrame, encodeHeader } from '@claudemesh/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newEnvelope } from '../../test/test-envelope.ts'
import { randomBytes } from '../../test/test-member.ts'
import { noBackplane } from '../backplane/news.ts'
import { openLog } from '../telemetry/log.ts'
import { openMetrics } from '../telemetry/metrics.ts'
import { Attachment, type EnvelopeItem, type PushSocket } from './attachment.ts'
import { OwnRun } from './own-run.ts'
import { createPushWindow } from './push-window.ts'

const mesh = randomBytes(32)
const person = { member: randomBytes(32), session: null }
const envelope = newEnvelope({ mesh, from: person, to: [person], size: 256 })
const parts = {
  fact: null,
  header: encodeHeader(envelope.header),
  slot: envelope.slots[0]!,
  body: envelope.body,
}
const itemOf = (seq: number): EnvelopeItem => ({ seq, ...parts })
const none = () => 0
const WINDOW = 4
const MIB = 1 << 20

/** `pushed` holds what each recipient got, and -1 - acked where a round of redelivery began. A queue as the database keeps it, a lane whose outcomes come later than its commits, and a socket that remembers. */
function bench(recipients: number, held = { bytes: 0 }) {
  const queues = Array.from({ length: recipients }, () => new Set<number>())
  const outcomes: { to: number; seq: number }[] = []
  const reads: (() => void)[] = []
  const head = { seq: 0 }
  const pushed: number[][] = Array.from({ length: recipients }, () => [])
  const attached: Attachment[] = []
  const socket: PushSocket & { congested: boolean } = {
    attached,
    inFlightCount: 0,
    inFlightBytes: 0,
    reservedCount: 0,
    heldBytes: 0,
    turn: 0,
    congested: false,
    queueOut(bytes) {
      const frame = decodeFrame(bytes)
      if (frame.type !== 'deliver') throw new Error(frame.type)
      pushed[frame.attachment]!.push(...frame.deliveries.map(d => d.seq))
    },
    flushOut() {},
    sendJson() {},
    tellReplaced() {},
  }
  const window = createPushWindow({
    held,
    limits: {
      perRecipientCount: WINDOW,
      perRecipientBytes: 1 << 20,
      perSocketCount: WINDOW * 2,
      perSocketBytes: 1 << 22,
    },
    readQueue: ({ number }, after, maxRows) =>
      new Promise(resolve => {
        const waiting = [...queues[number]!].filter(seq => seq > after).sort((a, b) => a - b)
        const items = waiting.slice(0, maxRows).map(itemOf)
        const page = { items, upTo: head.seq, more: items.length < waiting.length }
        reads.push(() => resolve(page))
      }),
    now: none,
    metrics: openMetrics({
      connections: none,
      attachments: none,
      waiting: none,
      queued: async () => 0,
      nodes: none,
      backplane: noBackplane,
    }),
    log: openLog('silent'),
  })
  for (let i = 0; i < recipients; i++)
    attached.push(
      new Attachment({
        mesh,
        recipient: person,
        index: String(i),
        number: i,
        socket,
        allHeld: held,
        acked: 0,
        redeliverMs: 1,
      }),
    )
  return { queues, outcomes, reads, pushed, attached, socket, window, head }
}

type Step = {
  do: 'commit' | 'elsewhere' | 'tell' | 'read' | 'ack' | 'rewind' | 'congest' | 'drain' | 'wake'
  at: number
  n: number
}
const step = fc.record<Step>({
  do: fc.constantFrom(
    'commit',
    'commit',
    'commit',
    'elsewhere',
    'tell',
    'tell',
    'read',
    'read',
    'ack',
    'ack',
    'rewind',
    'congest',
    'drain',
    'wake',
  ),
  at: fc.nat(2),
  n: fc.nat(6),
})

test('whatever commits, reads, acks and drains interleave: in order, no gap, never beyond the window, nothing left', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async steps => {
      const { queues, outcomes, reads, pushed, attached, socket, window, head } = bench(3)
      const run = new OwnRun()
      const told = [0, 0, 0]
      const check = () => {
        expect(socket.inFlightCount).toBeLessThanOrEqual(WINDOW * 2)
        for (const [i, seqs] of pushed.entries()) {
          const attachment = attached[i]!
          expect(attachment.inFlight.count).toBeLessThanOrEqual(WINDOW)
          // What was acked may be gone from the queue; all else below the cursor was handed out in this round.
          for (; told[i]! < seqs.length; told[i]!++) {
            const at = told[i]!
            if (seqs[at]! < 0) continue
            const last = at === 0 ? 0 : seqs[at - 1]!
            const before = last < 0 ? -1 - last : last
            expect(seqs[at]).toBeGreaterThan(before)
            const skipped = [...queues[i]!].filter(n => n > before && n < seqs[at]! && n > attachment.acked)
            expect(skipped).toEqual([])
          }
        }
      }
      const take = async ({ do: what, at, n }: Step) => {
        const attachment = attached[at]!
        if (what === 'commit')
          for (let i = 0; i <= n; i++) {
            queues[at]!.add(++head.seq)
            outcomes.push({ to: at, seq: head.seq })
          }
        // Another node's commit: nobody is offered it, and nobody may be woken for long.
        if (what === 'elsewhere') for (let i = 0; i <= n; i++) queues[at]!.add(++head.seq)
        if (what === 'tell') {
          for (const outcome of outcomes.splice(0, n + 1))
            window.offer(attached[outcome.to]!, itemOf(outcome.seq), run.note(outcome.seq))
          window.flush()
        }
        if (what === 'read') reads.shift()?.()
        if (what === 'ack' && pushed[at]!.length > 0) {
          const upTo = pushed[at]![Math.max(0, pushed[at]!.length - 1 - n)]!
          if (upTo < 0) return
          for (const row of queues[at]!) if (row <= upTo) queues[at]!.delete(row)
          window.acked(attachment, upTo)
          window.pump(socket)
          window.flush()
        }
        if (what === 'rewind' && !socket.congested && !attachment.reading) {
          pushed[at]!.push(-1 - attachment.acked)
          window.rewind(attachment)
        }
        if (what === 'congest') socket.congested = true
        if (what === 'drain') {
          socket.congested = false
          window.pump(socket)
        }
        if (what === 'wake') window.wake(attachment)
        for (let i = 0; i < 4; i++) await Promise.resolve()
        check()
      }
      for (const s of steps) await take(s)
      await take({ do: 'drain', at: 0, n: 0 })
      for (let rounds = 0; rounds < 2000; rounds++) {
        await take({ do: 'tell', at: 0, n: 100 })
        await take({ do: 'read', at: 0, n: 0 })
        for (const at of [0, 1, 2]) await take({ do: 'ack', at, n: 0 })
        if (outcomes.length === 0 && reads.length === 0 && queues.every(queue => queue.size === 0)) return
        if (run.lacks(head.seq)) for (const attachment of attached) window.wake(attachment)
        run.sawAll(head.seq)
        if (attached.some(a => !a.caughtUp)) window.pump(socket)
      }
      throw new Error('something was never handed out')
    }),
    { numRuns: 300 },
  )
})

test('a reader that never acks costs no more memory than its window and the mebibyte that a socket holds', async () => {
  const { window, attached, socket, reads, pushed } = bench(1)
  window.pump(socket)
  reads.shift()!()
  await new Promise(resolve => setImmediate(resolve))
  let most = 0
  for (let seq = 1; seq <= 10_000; seq++) {
    window.offer(attached[0]!, itemOf(seq), 0)
    window.flush()
    most = Math.max(most, socket.heldBytes)
  }
  expect(pushed[0]).toEqual([1, 2, 3, 4])
  expect(most).toBeLessThanOrEqual(MIB)
  expect(most).toBeGreaterThan(MIB - 1024)
  expect([socket.heldBytes, attached[0]!.held.length]).toEqual([0, 0])
})

test('nor do many of them cost more than 64 MiB together', async () => {
  const readers: Attachment[] = []
  const held = { bytes: 0 }
  let most = 0
  for (let n = 0; n < 66; n++) {
    const { window, attached, socket, reads } = bench(1, held)
    window.pump(socket)
    reads.shift()!()
    await new Promise(resolve => setImmediate(resolve))
    const reader = attached[0]!
    readers.push(reader)
    for (let seq = 1; reader.caughtUp && socket.heldBytes < MIB - 1024; seq++) {
      window.offer(reader, itemOf(seq), 0)
      most = Math.max(most, held.bytes)
    }
  }
  expect(most).toBeLessThanOrEqual(64 * MIB)
  expect(most).toBeGreaterThan(64 * MIB - 1024)
  for (const reader of readers) reader.end()
  expect(held.bytes).toBe(0)
})
