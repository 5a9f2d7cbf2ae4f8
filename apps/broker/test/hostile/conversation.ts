/** Two peers who write to each other without a pause, and what each of them heard. */
import type { Attached } from '../test-broker.ts'
import { newEnvelope } from '../test-envelope.ts'

export interface Way {
  /** Ids in the order they were accepted, hex. */
  readonly sent: readonly string[]
  /** Ids in the order they were delivered, hex. */
  readonly heard: readonly string[]
  /** How long each took from its sending to its delivery, ms. */
  readonly took: readonly number[]
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** Begins both ways; `end` sends no more, waits for what is under way and answers both. */
export function converse(
  mesh: Uint8Array,
  one: Attached,
  other: Attached,
): {
  /** Resolves when this many more were delivered each way: how long each of them took, ms. */
  more(count: number): Promise<number[]>
  end(): Promise<Way[]>
} {
  let talking = true
  const times: [number[], number[]] = [[], []]
  let moved = () => {}
  const way = async (took: number[], from: Attached, to: Attached): Promise<Way> => {
    const at = new Map<string, number>()
    const sent: string[] = []
    const heard: string[] = []
    const done = Promise.withResolvers<void>()
    const look = () => {
      if (!talking && heard.length >= sent.length) done.resolve()
    }
    const speak = async () => {
      while (talking) {
        const envelopes = Array.from({ length: 1 + (sent.length % 3) }, () =>
          newEnvelope({ mesh, from: from.session.recipient, to: [to.session.recipient] }),
        )
        for (const { header } of envelopes) at.set(hex(header.id), performance.now())
        for (const { id, error } of (await from.socket.send(envelopes)).results) {
          if (error !== null) throw new Error(`refused: ${error}`)
          sent.push(hex(id))
        }
      }
      look()
    }
    const listen = async () => {
      for (;;) {
        const { recipient, attachment, deliveries } = await to.socket.next('deliver')
        for (const { envelope } of deliveries) {
          const id = hex(envelope.header.id)
          heard.push(id)
          took.push(performance.now() - (at.get(id) ?? 0))
        }
        await to.socket.ack(recipient, attachment, deliveries.at(-1)!.seq)
        moved()
        look()
      }
    }
    // It listens until its socket goes; a socket that goes too early leaves `done` to fail.
    listen().catch(done.reject)
    await speak()
    await done.promise
    return { sent, heard, took }
  }
  const ways = Promise.all([way(times[0], one, other), way(times[1], other, one)])
  // Looked at in `end`; a failure before that is not unhandled.
  ways.catch(() => {})
  return {
    async more(count) {
      const from = times.map(({ length }) => length)
      const since = () => times.map((took, i) => took.slice(from[i]))
      while (since().some(({ length }) => length < count))
        await Promise.race([ways, new Promise<void>(resolve => (moved = resolve))])
      return since().flat()
    },
    end: () => {
      talking = false
      return ways
    },
  }
}
