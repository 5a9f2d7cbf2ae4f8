/** Steady mail between sessions behind one address, whatever happens to the nodes there: what a client does, and a count of what came of it. */
import type { Envelope } from '@claudemesh/protocol'
import { attached, type Founded } from '../test-broker.ts'
import { newEnvelope } from '../test-envelope.ts'
import { newSession, type TestMember } from '../test-member.ts'

/** Refusals after which the same bytes go out again (SPEC section 7). */
const AGAIN = ['unavailable', 'draining', 'timeout', 'rate', 'not-attached', 'internal']

/** How many of the ids it acked last a receiver remembers. */
const REMEMBERED = 5000

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
  /** Handed over again after their receiver had the answer to its ack of them, though nobody had sent them again. */
  readonly twice: number
  /** First seen behind something that the same sender sent later. */
  readonly disordered: number
  /** Codes of sends that failed for good. */
  readonly failed: readonly string[]
  /** ms from when a send was due to its arrival, sorted: what waits behind another counts as late. */
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
      return lanes.reduce((n, lane) => n + lane.seen(), 0)
    },
    async more(each) {
      await Promise.all(lanes.map(lane => lane.until(lane.seen() + each)))
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
  /** Sent and not seen yet, by id. */
  const pending = new Map<string, { readonly place: number; readonly due: number }>()
  const repeated = new Set<string>()
  const failed: string[] = []
  const latencies: number[] = []
  /** What was acked last, oldest first. */
  const acked = new Set<string>()
  let places = 0
  let newest = 0
  let accepted = 0
  let seen = 0
  let disordered = 0
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
          if (error === null) accepted++
          else if (AGAIN.includes(error)) left.push(rest[i]!)
          else {
            failed.push(error)
            pending.delete(hex(id))
          }
        }
        rest = left
        for (const { header } of rest) repeated.add(hex(header.id))
        // A node that stops closes; anything else that decides nothing is tried again where it is.
        if (results.some(({ error }) => error === 'draining')) await outbox.socket.closed
        else if (results.some(({ error }) => error === 'not-attached')) outbox = await again(sender, from)
      } catch {
        for (const { header } of rest) repeated.add(hex(header.id))
        outbox = await again(sender, from)
      }
  }

  const writing = (async () => {
    let due = Date.now()
    while (sending) {
      const made = Array.from({ length: batch }, () =>
        newEnvelope({ mesh: mesh.id, from: from.recipient, to: [to.recipient], size: 512 }),
      )
      for (const { header } of made) pending.set(hex(header.id), { place: ++places, due })
      await deliver(made)
      due = everyMs === undefined ? Date.now() : due + everyMs
      const wait = due - Date.now()
      if (wait > 0) await Bun.sleep(wait)
    }
  })()

  function see(id: string, now: number): void {
    const sent = pending.get(id)
    if (sent === undefined) {
      if (acked.has(id) && !repeated.has(id)) twice++
      return
    }
    pending.delete(id)
    seen++
    if (sent.place < newest) disordered++
    newest = Math.max(newest, sent.place)
    latencies.push(now - sent.due)
  }

  function remember(ids: readonly string[]): void {
    for (const id of ids) acked.add(id)
    for (const id of acked) {
      if (acked.size <= REMEMBERED) return
      acked.delete(id)
    }
  }

  const reading = (async () => {
    while (receiving)
      try {
        const { recipient, attachment, deliveries } = await inbox.socket.next('deliver')
        const now = Date.now()
        const ids = deliveries.map(({ envelope }) => hex(envelope.header.id))
        for (const id of ids) see(id, now)
        heard()
        const answer = await inbox.socket.ack(recipient, attachment, deliveries.at(-1)!.seq)
        if (answer.type === 'ok') remember(ids)
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
    seen: () => seen,
    until: (count: number) => until(() => seen >= count),
    async finish(): Promise<Outcome> {
      sending = false
      await writing
      await until(() => pending.size === 0)
      receiving = false
      await inbox.socket.close()
      await reading
      await outbox.socket.close()
      return { accepted, lost: accepted - seen, twice, disordered, failed, latencies }
    },
  }
}
