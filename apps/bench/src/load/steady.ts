/** A steady rate below saturation: each message is sent when it is due, whatever became of those before. */
import { quantile } from '../stats.ts'
import type { Latency } from './commands.ts'

/** Who measures: `came` tells that the message of this number is there, `failed` ends the run. */
export interface Taker {
  came(number: number): void
  failed(error: unknown): void
}

/**
 * Sends messages 0, 1, … at `perSecond` for `ms`, and resolves with how long each took, ms, once all came.
 * `begin` is called once and answers what sends one; it is timed from just before that is called.
 */
export async function steady(
  { ms, perSecond }: { readonly ms: number; readonly perSecond: number },
  begin: (taker: Taker) => (number: number) => void,
): Promise<Float64Array> {
  const total = Math.floor((ms * perSecond) / 1000)
  const sentAt = new Float64Array(total)
  const took = new Float64Array(total)
  let sent = 0
  let taken = 0
  await new Promise<void>((resolve, failed) => {
    const send = begin({
      came: number => {
        took[number] = performance.now() - sentAt[number]!
        if (++taken === total) resolve()
      },
      failed,
    })
    const began = performance.now()
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - began) * perSecond) / 1000))
      for (; sent < due; sent++) {
        sentAt[sent] = performance.now()
        send(sent)
      }
      if (sent === total) clearInterval(timer)
    }, 1)
  })
  return took.sort()
}

/** What is told of such times. */
export const latencyOf = (sorted: Float64Array): Latency => ({
  messages: sorted.length,
  p50: quantile(sorted, 0.5),
  p99: quantile(sorted, 0.99),
})
