/** The same load on JetStream: a subject and a durable consumer for each recipient, every message stored, told as stored, taken and acked. */
import {
  AckPolicy,
  type JetStreamClient,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { Command } from './commands.ts'
import { sendItem } from './envelope-bytes.ts'
import { WINDOW } from './relay-throughput.ts'
import type { Lane } from './rival-load.ts'

const STREAM = 'MESH'

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
    const sender = jetstream(await connect({ servers: url }))
    const receiver = jetstream(await connect({ servers: url }))
    const lane: Lane = { publish: number => publish(sender, subject, number), taken: () => {} }
    const consumer = await receiver.consumers.get(STREAM, durable)
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
async function publish(sender: JetStreamClient, subject: string, number: number): Promise<void> {
  const bytes = item.slice()
  new DataView(bytes.buffer).setUint32(0, number)
  await sender.publish(subject, bytes, { msgID: `${subject}-${number}` })
}
