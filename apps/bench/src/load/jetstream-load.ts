/** The same load on JetStream: a subject and a durable consumer for each recipient, every message stored, told as stored, taken and acked. */
import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { quantile } from '../stats.ts'
import type { Command, Latency, Throughput } from './commands.ts'
import { sendItem } from './envelope-bytes.ts'
import { WINDOW } from './relay-throughput.ts'

const STREAM = 'MESH'

interface Lane {
  readonly sender: NatsConnection
  readonly receiver: NatsConnection
  readonly subject: string
  /** Called for every message that came, with its number. */
  taken: (number: number) => void
}

const key = () => crypto.getRandomValues(new Uint8Array(32))
const end = { member: key(), session: key() }
/** The same bytes that this broker is given. */
const item = sendItem(key(), end, [end])

/** Makes the stream, and for each pair two connections, as this broker's senders and recipients have. */
export async function jetStreamJoin({
  url,
  pairs,
}: Extract<Command, { do: 'jetstream-join' }>): Promise<Lane[]> {
  const manager = await jetstreamManager(await connect({ servers: url }))
  await manager.streams.add({
    name: STREAM,
    subjects: [`${STREAM}.*`],
    storage: StorageType.File,
    retention: RetentionPolicy.Workqueue,
  })
  const lanes: Lane[] = []
  while (lanes.length < pairs) {
    const subject = `${STREAM}.${lanes.length}`
    const durable = `recipient-${lanes.length}`
    await manager.consumers.add(STREAM, {
      durable_name: durable,
      filter_subject: subject,
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: WINDOW,
    })
    const lane: Lane = {
      sender: await connect({ servers: url }),
      receiver: await connect({ servers: url }),
      subject,
      taken: () => {},
    }
    const consumer = await jetstream(lane.receiver).consumers.get(STREAM, durable)
    await consumer.consume({
      max_messages: WINDOW,
      callback: message => {
        const bytes = message.data
        message.ack()
        lane.taken(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0))
      },
    })
    lanes.push(lane)
  }
  return lanes
}

/** A message of this number, under an id of its own for the duplicate window, as ours has. */
async function publish(lane: Lane, number: number): Promise<void> {
  const bytes = item.slice()
  new DataView(bytes.buffer).setUint32(0, number)
  await jetstream(lane.sender).publish(lane.subject, bytes, { msgID: `${lane.subject}-${number}` })
}

/** Sends for `ms`, at most a window under way each; the time counts until all came. */
export async function jetStreamThroughput(lanes: readonly Lane[], ms: number): Promise<Throughput> {
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
            publish(lane, ++numbers).catch(reject)
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
/** Never given twice: the server drops what it has seen within two minutes. */
let numbers = 0

/** Sends `perSecond` messages, senders in turn, for `ms`: from `publish` to the callback of its recipient. */
export async function jetStreamLatency(
  lanes: readonly Lane[],
  { ms, perSecond }: { readonly ms: number; readonly perSecond: number },
): Promise<Latency> {
  const total = Math.floor((ms * perSecond) / 1000)
  const first = numbers + 1
  const sentAt = new Float64Array(total)
  const took = new Float64Array(total)
  let taken = 0
  await new Promise<void>((resolve, reject) => {
    for (const lane of lanes)
      lane.taken = number => {
        took[number - first] = performance.now() - sentAt[number - first]!
        if (++taken === total) resolve()
      }
    const began = performance.now()
    let sent = 0
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - began) * perSecond) / 1000))
      for (; sent < due; sent++) {
        sentAt[sent] = performance.now()
        publish(lanes[sent % lanes.length]!, ++numbers).catch(reject)
      }
      if (sent === total) clearInterval(timer)
    }, 1)
  })
  took.sort()
  return { messages: total, p50: quantile(took, 0.5), p99: quantile(took, 0.99) }
}
