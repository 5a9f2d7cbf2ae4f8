/** Load on the bare relay: one envelope of the same size a frame, from every sender to its recipient, at its limit or at a steady rate. */

import type { Command, Latency, Throughput } from './commands.ts'
import { sendFrame, sendItem } from './envelope-bytes.ts'
import { latencyOf, steady } from './steady.ts'

/** Frames under way per sender. */
export const WINDOW = 64

const key = () => crypto.getRandomValues(new Uint8Array(32))

async function dial(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url)
  socket.binaryType = 'arraybuffer'
  await new Promise<void>((resolve, reject) => {
    socket.onmessage = () => resolve()
    socket.onerror = () => reject(new Error(`cannot reach ${url}`))
  })
  return socket
}

async function dialPairs(port: number, pairs: number, bodyBytes?: number) {
  const dialAll = (role: 'send' | 'receive') =>
    Promise.all(Array.from({ length: pairs }, (_, i) => dial(`ws://127.0.0.1:${port}/${role}/${i}`)))
  const senders = await dialAll('send')
  const receivers = await dialAll('receive')
  const items = senders.map(() =>
    sendItem(key(), { member: key(), session: key() }, [{ member: key(), session: key() }], bodyBytes),
  )
  const close = () => {
    for (const socket of [...senders, ...receivers]) socket.close()
  }
  return { senders, receivers, items, close }
}

/** Sends for `ms`; a message counts when its frame reached the receiver. */
export async function relayThroughput({
  port,
  pairs,
  ms,
  bodyBytes,
  window = WINDOW,
}: Extract<Command, { do: 'relay' }>): Promise<Throughput> {
  const { senders, receivers, items, close } = await dialPairs(port, pairs, bodyBytes)
  let sent = 0
  let received = 0
  const began = performance.now()
  const end = began + ms
  await new Promise<void>(resolve => {
    const push = (i: number) => senders[i]!.send(sendFrame(items[i]!, 1, sent++, Date.now()))
    for (const [i, receiver] of receivers.entries())
      receiver.onmessage = () => {
        received++
        if (performance.now() < end) push(i)
        else if (received === sent) resolve()
      }
    for (let round = 0; round < window; round++) for (let i = 0; i < pairs; i++) push(i)
  })
  const seconds = (performance.now() - began) / 1000
  close()
  return { messages: received, perSecond: received / seconds }
}

/** Sends `perSecond` frames, senders in turn, for `ms`: what a message takes of which nothing is kept. */
export async function relayLatency(command: Extract<Command, { do: 'relay-latency' }>): Promise<Latency> {
  const { senders, receivers, items, close } = await dialPairs(command.port, command.pairs)
  const took = await steady(command, ({ came }) => {
    for (const [i, receiver] of receivers.entries()) {
      let next = i
      receiver.onmessage = () => {
        came(next)
        next += receivers.length
      }
    }
    return number => {
      const i = number % senders.length
      senders[i]!.send(sendFrame(items[i]!, 1, number, Date.now()))
    }
  })
  close()
  return latencyOf(took)
}
