/** Steady load below saturation: how long one message takes from `send` to its `deliver` frame. */
import type { Command, Latency } from './commands.ts'
import { readDeliver, sendFrame } from './envelope-bytes.ts'
import type { Pair } from './join-mesh.ts'
import { ackFrame, checkAccepted } from './mesh-throughput.ts'
import { latencyOf, steady } from './steady.ts'

const DELIVER = 3

/** Sends `perSecond` messages, one a frame, senders in turn, for `ms`; all of them are delivered and acked at the end. */
export async function meshLatency(
  pairs: Pair[],
  { ms, perSecond, each }: Extract<Command, { do: 'latency' }>,
): Promise<Latency> {
  const took = await steady({ ms, perSecond }, ({ came, failed }) => {
    for (const pair of pairs) {
      pair.sender.onFrame = frame => {
        try {
          checkAccepted(frame)
        } catch (error) {
          failed(error)
        }
      }
      pair.receiver.onFrame = frame => {
        if (frame[0] !== DELIVER) return
        const { lastSeq } = readDeliver(frame, pair.lastSeq, came)
        pair.lastSeq = lastSeq
        pair.receiver.send(ackFrame(pair, 0))
      }
    }
    return number => {
      const pair = pairs[number % pairs.length]!
      pair.sender.send(sendFrame(pair.item, 1, number, Date.now()))
    }
  })
  return { ...latencyOf(took), ...(each && { took: [...took] }) }
}
