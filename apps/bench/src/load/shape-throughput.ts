/** Load of any shape, closed loop: senders and receivers of one mesh, each receiver on a socket of its own, every delivery acked. */
import { compareBytes, encodeFrame } from '@claudemesh/protocol'
import type { Flow, Shape, Throughput } from './commands.ts'
import { readDeliver, sendFrame, sendItem } from './envelope-bytes.ts'
import { foundMesh, type Seat } from './join-mesh.ts'
import type { LightClient } from './light-client.ts'
import { checkAccepted } from './mesh-throughput.ts'

const DELIVER = 3
/** The number at the end of an id: its sender above these bits, a count below them. */
const COUNT_BITS = 20

interface Receiver extends Seat {
  lastSeq: number
}
interface Sender {
  readonly client: LightClient
  readonly item: Uint8Array
  readonly targets: number
  /** Envelopes so far. */
  sent: number
  /** Deliveries that did not come yet. */
  underWay: number
}
export interface Crowd {
  readonly senders: readonly Sender[]
  readonly receivers: readonly Receiver[]
}

/** Founds a mesh and attaches all of the shape. */
export async function attachShape({
  port,
  senders,
  receivers,
  fan,
  bodyBytes,
}: { readonly port: number } & Shape): Promise<Crowd> {
  const { mesh, seat } = await foundMesh(port)
  const to: Receiver[] = []
  while (to.length < receivers) to.push({ ...(await seat()), lastSeq: 0 })
  // An envelope names its recipients in order; all are of one member here.
  to.sort((a, b) => compareBytes(a.recipient.session!, b.recipient.session!))
  const from: Sender[] = []
  while (from.length < senders) {
    const { client, recipient } = await seat()
    const targets = fan === 'all' ? to : [to[from.length % to.length]!]
    const item = sendItem(
      mesh,
      recipient,
      targets.map(target => target.recipient),
      bodyBytes,
    )
    from.push({ client, item, targets: targets.length, sent: 0, underWay: 0 })
  }
  return { senders: from, receivers: to }
}

/** Sends for `ms`; what counts is deliveries, and the time until every ack is committed. Throws when one is refused or out of order. */
export async function shapeThroughput(
  { senders, receivers }: Crowd,
  { ms, perFrame, window }: { readonly ms: number } & Flow,
): Promise<Throughput> {
  const began = performance.now()
  const end = began + ms
  let wanted = 0
  let delivered = 0
  const push = (sender: Sender, index: number) => {
    const number = (index << COUNT_BITS) | (sender.sent % (1 << COUNT_BITS))
    sender.client.send(sendFrame(sender.item, perFrame, number, Date.now()))
    sender.sent += perFrame
    sender.underWay += perFrame * sender.targets
    wanted += perFrame * sender.targets
  }
  await new Promise<void>((resolve, reject) => {
    for (const { client, targets } of senders)
      client.onFrame = frame => {
        try {
          checkAccepted(frame, targets)
        } catch (error) {
          reject(error)
        }
      }
    const take = (receiver: Receiver, frame: Uint8Array) => {
      const touched = new Set<number>()
      const { count, lastSeq } = readDeliver(frame, receiver.lastSeq, number => {
        const index = number >>> COUNT_BITS
        senders[index]!.underWay--
        touched.add(index)
      })
      receiver.lastSeq = lastSeq
      delivered += count
      receiver.client.send(ackOf(receiver, 0))
      if (performance.now() < end)
        for (const index of touched) {
          const sender = senders[index]!
          while (sender.underWay <= (window - perFrame) * sender.targets) push(sender, index)
        }
      else if (delivered === wanted) resolve()
    }
    for (const receiver of receivers)
      receiver.client.onFrame = frame => {
        if (frame[0] === DELIVER) take(receiver, frame)
      }
    for (const [index, sender] of senders.entries())
      for (let n = 0; n < window; n += perFrame) push(sender, index)
  })
  await Promise.all(
    receivers.map(receiver => {
      const ok = receiver.client.next('ok')
      receiver.client.send(ackOf(receiver, 1))
      return ok
    }),
  )
  return { messages: delivered, perSecond: (delivered * 1000) / (performance.now() - began) }
}

const ackOf = ({ recipient, attachment, lastSeq }: Receiver, ref: number) =>
  encodeFrame({ type: 'ack', ref, acks: [{ recipient, attachment, upTo: lastSeq }] })
