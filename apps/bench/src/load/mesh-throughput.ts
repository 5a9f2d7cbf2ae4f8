/** Load on the broker, end to end: sent, committed, delivered, acked, and the last ack committed before the clock stops. */
import { encodeFrame } from '@claudemesh/protocol'
import type { Command, Throughput } from './commands.ts'
import { readDeliver, sendFrame } from './envelope-bytes.ts'
import type { Pair } from './join-mesh.ts'
import { WINDOW } from './relay-throughput.ts'

/** Envelopes in one `send` frame at most: a sender that has more to say says it together. */
const PER_FRAME = 32
const ACCEPTED = 2
const DELIVER = 3
/** id, code, seq, auditIndex, at, n; then a state for each recipient. */
const RESULT_BYTES = 16 + 1 + 8 + 8 + 8 + 2

/** Acknowledges everything the pair's receiver got. */
export const ackFrame = ({ recipient, attachment, lastSeq }: Pair, ref: number): Uint8Array<ArrayBuffer> =>
  encodeFrame({ type: 'ack', ref, acks: [{ recipient, attachment, upTo: lastSeq }] })

/** Throws unless every result says accepted, and queued for each of its recipients. */
export function checkAccepted(frame: Uint8Array, recipients = 1): void {
  if (frame[0] !== ACCEPTED) return
  for (let at = 8; at < frame.length; at += RESULT_BYTES + recipients) {
    if (frame[at + 16] !== 0) throw new Error(`envelope refused: ${frame[at + 16]}`)
    for (let i = 0; i < recipients; i++)
      if (frame[at + RESULT_BYTES + i] !== 0)
        throw new Error(`recipient refused: ${frame[at + RESULT_BYTES + i]}`)
  }
}

/** Sends for `ms`, or until `messages` are delivered; the time counts until every ack is committed. */
export async function meshThroughput(
  pairs: Pair[],
  { ms, messages = Number.POSITIVE_INFINITY }: Extract<Command, { do: 'throughput' }>,
): Promise<Throughput> {
  let sent = 0
  let delivered = 0
  const began = performance.now()
  const end = began + ms
  const going = () => performance.now() < end && sent < messages

  const runPair = (pair: Pair) =>
    new Promise<void>((resolve, reject) => {
      let underWay = 0
      const push = (count: number) => {
        pair.sender.send(sendFrame(pair.item, count, sent, Date.now()))
        underWay += count
        sent += count
      }
      pair.sender.onFrame = frame => {
        try {
          checkAccepted(frame)
        } catch (error) {
          reject(error)
        }
      }
      pair.receiver.onFrame = frame => {
        if (frame[0] !== DELIVER) return
        const { count, lastSeq } = readDeliver(frame, pair.lastSeq)
        pair.lastSeq = lastSeq
        underWay -= count
        delivered += count
        if (going()) {
          pair.receiver.send(ackFrame(pair, 0))
          if (WINDOW - underWay >= PER_FRAME) push(PER_FRAME)
        } else if (underWay > 0) pair.receiver.send(ackFrame(pair, 0))
        else {
          pair.receiver.next('ok').then(() => resolve(), reject)
          pair.receiver.send(ackFrame(pair, 1))
        }
      }
      for (let n = 0; n < WINDOW; n += PER_FRAME) push(PER_FRAME)
    })

  await Promise.all(pairs.map(runPair))
  const seconds = (performance.now() - began) / 1000
  if (delivered !== sent) throw new Error(`${sent} sent, ${delivered} delivered`)
  return { messages: delivered, perSecond: delivered / seconds }
}
