/** The backplane that the settings ask for. */
import type { Broker } from '../broker.ts'
import type { Settings } from '../settings.ts'
import { natsBackplane, natsServers } from './nats.ts'
import { type Backplane, noBackplane } from './news.ts'
import { newsCodec } from './news-codec.ts'

/** It connects once it is listened to. Throws `usage` for a `NATS_URL` that is none, `unavailable` where the database is gone. */
export async function openBackplane(
  { NATS_URL }: Pick<Settings, 'NATS_URL'>,
  { log, key, db }: Pick<Broker, 'log' | 'key' | 'db'>,
): Promise<Backplane> {
  if (NATS_URL === undefined) return noBackplane
  const codec = newsCodec(key.secretKey.subarray(0, 32), await db.clusterId())
  return natsBackplane({ servers: natsServers(NATS_URL), codec, log })
}
