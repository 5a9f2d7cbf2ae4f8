/** The load of this broker's own case on any queue that stores a message, tells so, hands it to its recipient and hears that it was taken. */
import type { Latency, Throughput } from './commands.ts'
import { WINDOW } from './relay-throughput.ts'
import { latencyOf, steady } from './steady.ts'

/** A sender and its recipient. */
export interface Lane {
  /** Resolves when the message of this number is told as stored. */
  publish(number: number): Promise<unknown>
  /** Called for every message that came, with its number. */
  taken: (number: number) => void
}

/** Sends for `ms`, at most a window under way each; the time counts until all came. */
export async function rivalThroughput(lanes: readonly Lane[], ms: number): Promise<Throughput> {
  let sent = 0
  let taken = 0
  const began = performance.now()
  const until = began + ms
  await Promise.all(
    lanes.map(
      lane =>
        new Promise<void>((resolve, reject) => {
          let underWay = 0
          const push = () => {
            underWay++
            lane.publish(++numbers).catch(reject)
            sent++
          }
          lane.taken = () => {
            underWay--
            taken++
            if (performance.now() < until) push()
            else if (underWay === 0) resolve()
          }
          for (let n = 0; n < WINDOW; n++) push()
        }),
    ),
  )
  const seconds = (performance.now() - began) / 1000
  if (sent !== taken) throw new Error(`${sent} sent, ${taken} taken`)
  return { messages: taken, perSecond: taken / seconds }
}
/** Never given twice: JetStream drops what it has seen within two minutes. */
let numbers = 0

/** Sends `perSecond` messages, senders in turn, for `ms`: from `publish` to the callback of its recipient. */
export async function rivalLatency(
  lanes: readonly Lane[],
  rate: { readonly ms: number; readonly perSecond: number },
): Promise<Latency> {
  const first = numbers + 1
  const took = await steady(rate, ({ came, failed }) => {
    for (const lane of lanes) lane.taken = number => came(number - first)
    return number => void lanes[number % lanes.length]!.publish(++numbers).catch(failed)
  })
  return latencyOf(took)
}
