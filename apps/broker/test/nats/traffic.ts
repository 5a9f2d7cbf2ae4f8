/** Steady mail between sessions behind one address, whatever happens to the nodes there: what a client does, and a count of what came of it. */
import type { Envelope } from '@claudemesh/protocol'
import { attached, type Founded } from '../test-broker.ts'
import { newEnvelope } from '../test-envelope.ts'
import { newSession, type TestMember } from '../test-member.ts'

/** Refusals after which the same bytes go out again (SPEC section 7). */
const AGAIN = ['unavailable', 'draining', 'timeout', 'rate', 'not-attached', 'internal']

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

export interface Traffic {
  /** Envelopes that reached their receivers for the first time. */
  readonly delivered: number
  /** Resolves when so many more have come to each receiver. */
  more(each: number): Promise<void>
  /** Ends sending, waits for all that was accepted, and closes. */
  finish(): Promise<Outcome>
}

export interface Outcome {
  readonly accepted: number
  /** Accepted and never seen. */
  readonly lost: number
  /** Handed over again after their receiver had the answer to its ack of them, and nobody had sent them again. */
  readonly twice: number
  /** First seen before something that was accepted earlier from the same sender. */
  readonly disordered: number
  /** Codes of sends that failed for good. */
  readonly failed: readonly string[]
  /** ms from the first try of a send to its arrival, sorted. */
  readonly latencies: readonly number[]
}

interface Pair {
  readonly sender: TestMember
  readonly receiver: TestMember
}

/** `batch` envelopes go out at once, the next when they are accepted, or every `everyMs` where that is given. */
export async function startTraffic(
  port: number,
  founded: Founded,
  { pairs, batch, everyMs }: { pairs: number; batch: number; everyMs?: number },
): Promise<Traffic> {
  const members: Pair[] = []
  for (let i = 0; i < pairs; i++)
    members.push({ sender: await founded.join(), receiver: await founded.join() })
  const lanes = await Promise.all(members.map(pair => startLane(port, founded, pair, batch, everyMs)))
  return {
    get delivered() {
      return lanes.reduce((n, lane) => n + lane.seen.size, 0)
    },
    async more(each) {
      await Promise.all(lanes.map(lane => lane.until(lane.seen.size + each)))
    },
    async finish() {
      const outcomes = await Promise.all(lanes.map(lane => lane.finish()))
      const all = <T>(pick: (one: Outcome) => readonly T[]) => outcomes.flatMap(pick)
      const sum = (pick: (one: Outcome) => number) => outcomes.reduce((n, one) => n + pick(one), 0)
      return {
        accepted: sum(one => one.accepted),
        lost: sum(one => one.lost),
        twice: sum(one => one.twice),
        disordered: sum(one => one.disordered),
        failed: all(one => one.failed),
        latencies: all(one => one.latencies).toSorted((a, b) => a - b),
      }
    },
  }
}

async function startLane(
  port: number,
  { mesh }: Founded,
  { sender, receiver }: Pair,
  batch: number,
  everyMs: number | undefined,
) {
  const from = newSession(sender)
  const to = newSession(receiver)
  const attach = (member: TestMember, session: typeof from) =>
    attached(port, mesh, member, Date.now(), session)
  const accepted: string[] = []
  const repeated = new Set<string>()
  const failed: string[] = []
  const latencies: number[] = []
  /** Ids in the order in which they were first seen. */
  const seen = new Map<string, number>()
  const acked = new Set<string>()
  let twice = 0
  let sending = true
  let receiving = true
  let heard = () => {}
  let outbox = await attach(sender, from)
  let inbox = await attach(receiver, to)

  const again = async (member: TestMember, session: typeof from) => {
    for (;;)
      try {
        return await attach(member, session)
      } catch {
        // The node went while it was greeted: the next one, then.
      }
  }

  async function deliver(first: Envelope[]): Promise<void> {
    let rest = first
    while (rest.length > 0)
      try {
        const { results } = await outbox.socket.send(rest)
        const left: Envelope[] = []
        for (const [i, { id, error }] of results.entries()) {
          if (error === null) accepted.push(hex(id))
          else if (AGAIN.includes(error)) left.push(rest[i]!)
          else failed.push(error)
        }
        rest = left
        for (const { header } of rest) repeated.add(hex(header.id))
        if (rest.length > 0) await outbox.socket.closed
      } catch {
        for (const { header } of rest) repeated.add(hex(header.id))
        outbox = await again(sender, from)
      }
  }

  const writing = (async () => {
    let next = performance.now()
    while (sending) {
      const made = Array.from({ length: batch }, () =>
        newEnvelope({ mesh: mesh.id, from: from.recipient, to: [to.recipient], size: 512 }),
      )
      await deliver(made)
      if (everyMs === undefined) continue
      // What comes late is made up for.
      next += everyMs
      const wait = next - performance.now()
      if (wait > 0) await Bun.sleep(wait)
    }
  })()

  const reading = (async () => {
    while (receiving)
      try {
        const { recipient, attachment, deliveries } = await inbox.socket.next('deliver')
        const now = Date.now()
        const ids = deliveries.map(({ envelope }) => hex(envelope.header.id))
        for (const [i, id] of ids.entries()) {
          if (acked.has(id) && !repeated.has(id)) twice++
          if (seen.has(id)) continue
          seen.set(id, seen.size)
          latencies.push(now - deliveries[i]!.envelope.header.sentAt)
        }
        heard()
        const answer = await inbox.socket.ack(recipient, attachment, deliveries.at(-1)!.seq)
        if (answer.type === 'ok') for (const id of ids) acked.add(id)
      } catch {
        if (receiving) inbox = await again(receiver, to)
      }
  })()

  const until = async (done: () => boolean) => {
    while (!done())
      await new Promise<void>(resolve => {
        heard = resolve
      })
  }

  return {
    seen,
    until: (count: number) => until(() => seen.size >= count),
    async finish(): Promise<Outcome> {
      sending = false
      await writing
      await until(() => accepted.every(id => seen.has(id)))
      receiving = false
      await inbox.socket.close()
      await reading
      await outbox.socket.close()
      const order = accepted.map(id => seen.get(id)!)
      return {
        accepted: accepted.length,
        lost: accepted.filter(id => !seen.has(id)).length,
        twice,
        disordered: order.filter((place, i) => i > 0 && place < order[i - 1]!).length,
        failed,
        latencies,
      }
    },
  }
}
