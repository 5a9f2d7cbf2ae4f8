/** News as bytes: only who has the broker key can write them or find where they are told, for one database alone. */
import { timingSafeEqual } from 'node:crypto'
import { concatBytes } from '@claudemesh/protocol'
import { z } from 'zod'
import { type Again, again, type News, news } from './news.ts'

/** Nothing larger is looked at, bytes. */
const MESSAGE_BYTES = 128 << 10
const TAG_BYTES = 16
const MESSAGE = z.union([news, again])

export interface NewsCodec {
  /** Where the nodes of this broker on this database meet. */
  readonly subject: string
  encode(told: News | Again): Uint8Array
  /** `null` for whatever no node of ours wrote. */
  decode(message: Uint8Array): News | Again | null
}

/** `seed`: of the broker key, 32 bytes. `cluster`: names the database. */
export function newsCodec(seed: Uint8Array, cluster: string): NewsCodec {
  const derive = (use: string) => hmac(seed, `claudemesh backplane ${use} ${cluster}`)
  const secret = derive('tag')
  const tag = (body: Uint8Array) => hmac(secret, body).subarray(0, TAG_BYTES)
  return {
    subject: `claudemesh.v1.${Buffer.from(derive('subject').subarray(0, 16)).toString('hex')}`,
    encode(told) {
      const body = new TextEncoder().encode(JSON.stringify(z.encode(MESSAGE, told)))
      return concatBytes(tag(body), body)
    },
    decode(message) {
      if (message.length <= TAG_BYTES || message.length > MESSAGE_BYTES) return null
      const body = message.subarray(TAG_BYTES)
      if (!timingSafeEqual(message.subarray(0, TAG_BYTES), tag(body))) return null
      try {
        return MESSAGE.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)))
      } catch {
        return null
      }
    },
  }
}

const hmac = (key: Uint8Array, what: Uint8Array | string): Uint8Array =>
  new Uint8Array(new Bun.CryptoHasher('sha256', key).update(what).digest())
