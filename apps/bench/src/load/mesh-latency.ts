/** Steady load below saturation: how long one message takes from `send` to its `deliver` frame. */
import { quantile } from '../stats.ts'
import type { Command, Latency } from './commands.ts'
import { readDeliver, sendFrame } from './envelope-bytes.ts'
import type { Pair } from './join-mesh.ts'
import { ackFrame, checkAccepted } from './mesh-throughput.ts'

const DELIVER = 3

/** Sends `perSecond` messages, one a frame, senders in turn, for `ms`; all of them are delivered and acked at the end. */
export async function meshLatency(
  pairs: Pair[],
  { ms, perSecond, each }: Extract<Command, { do: 'latency' }>,
): Promise<Latency> {
  const total = Math.floor((ms * perSecond) / 1000)
  const sentAt = new Float64Array(total)
  const took = new Float64Array(total)
  let sent = 0
  let delivered = 0
  await new Promise<void>((resolve, reject) => {
    for (const pair of pairs) {
      pair.sender.onFrame = frame => {
        try {
          checkAccepted(frame)
        } catch (error) {
          reject(error)
        }
      }
      pair.receiver.onFrame = frame => {
        if (frame[0] !== DELIVER) return
        const now = performance.now()
        const { lastSeq } = readDeliver(frame, pair.lastSeq, number => {
          took[number] = now - sentAt[number]!
          delivered++
        })
        pair.lastSeq = lastSeq
        pair.receiver.send(ackFrame(pair, 0))
        if (delivered === total) resolve()
      }
    }
    const began = performance.now()
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - began) * perSecond) / 1000))
      for (; sent < due; sent++) {
        const pair = pairs[sent % pairs.length]!
        const frame = sendFrame(pair.item, 1, sent, Date.now())
        sentAt[sent] = performance.now()
        pair.sender.send(frame)
      }
      if (sent === total) clearInterval(timer)
    }, 1)
  })
  took.sort()
  return {
    messages: total,
    p50: quantile(took, 0.5),
    p99: quantile(took, 0.99),
    ...(each && { took: [...took] }),
  }
}
