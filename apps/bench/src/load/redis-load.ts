/** The same load on Redis streams: a stream and a group for each recipient, every message stored, told as stored, taken, acked and deleted. */
import { RedisClient } from 'bun'
import type { Command } from './commands.ts'
import { sendItem } from './envelope-bytes.ts'
import { WINDOW } from './relay-throughput.ts'
import type { Lane } from './rival-load.ts'

const GROUP = 'recipients'
/** Of XREADGROUP: stream, its entries, each an id and its fields. Values are text: Bun's client reads them so. */
type Read = Record<string, [id: string, fields: [string, string, string, string]][]> | null

const key = () => crypto.getRandomValues(new Uint8Array(32))
const end = { member: key(), session: key() }
/** As many bytes as this broker is given. */
const item = 'x'.repeat(sendItem(key(), end, [end]).length)

/** Makes a stream for each pair and two connections, as this broker's senders and recipients have. */
export async function redisJoin({ url, pairs }: Extract<Command, { do: 'redis-join' }>): Promise<Lane[]> {
  const lanes: Lane[] = []
  while (lanes.length < pairs) {
    const stream = `mesh.${lanes.length}`
    const [sender, receiver] = [new RedisClient(url), new RedisClient(url)]
    await sender.send('XGROUP', ['CREATE', stream, GROUP, '$', 'MKSTREAM'])
    const lane: Lane = {
      publish: number => sender.send('XADD', [stream, '*', 'n', String(number), 'b', item]),
      taken: () => {},
    }
    void receive(receiver, stream, lane)
    lanes.push(lane)
  }
  return lanes
}

/** Takes what comes for as long as this process lives; what was taken is acked ahead of the next read. */
async function receive(receiver: RedisClient, stream: string, lane: Lane): Promise<never> {
  const read = ['GROUP', GROUP, 'one', 'COUNT', String(WINDOW), 'BLOCK', '0', 'STREAMS', stream, '>']
  for (;;) {
    const entries = ((await receiver.send('XREADGROUP', read)) as Read)?.[stream] ?? []
    const ids = entries.map(([id]) => id)
    const acked = [receiver.send('XACK', [stream, GROUP, ...ids]), receiver.send('XDEL', [stream, ...ids])]
    for (const [, [, number]] of entries) lane.taken(Number(number))
    await Promise.all(acked)
  }
}
