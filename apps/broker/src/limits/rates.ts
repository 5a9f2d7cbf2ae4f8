/** The buckets of the broker: by member, by address, and sockets that have not said hello. */
import type { Settings } from '../settings.ts'
import { type TokenBuckets, tokenBuckets } from './token-buckets.ts'

export interface Rates {
  readonly envelopes: TokenBuckets
  readonly frames: TokenBuckets
  readonly address: TokenBuckets
  /** Hook statuses by token. */
  readonly hooks: TokenBuckets
  /** Counts a socket without hello; false = too many of that address. */
  enter(address: string): boolean
  /** It said hello, or went. */
  leave(address: string): void
  sweep(now: number): void
}

export function openRates(settings: Settings): Rates {
  const waiting = new Map<string, number>()
  const envelopes = tokenBuckets(settings.RATE_ENVELOPES, settings.RATE_ENVELOPES_BURST)
  const frames = tokenBuckets(settings.RATE_FRAMES, settings.RATE_FRAMES_BURST)
  const address = tokenBuckets(settings.RATE_ADDRESS, settings.RATE_ADDRESS_BURST)
  const hooks = tokenBuckets(10, 100)
  return {
    envelopes,
    frames,
    address,
    hooks,
    enter(from) {
      const count = waiting.get(from) ?? 0
      if (count >= settings.WAITING_SOCKETS) return false
      waiting.set(from, count + 1)
      return true
    },
    leave(from) {
      const count = waiting.get(from) ?? 0
      if (count > 1) waiting.set(from, count - 1)
      else waiting.delete(from)
    },
    sweep(now) {
      for (const buckets of [envelopes, frames, address, hooks]) buckets.sweep(now)
    },
  }
}
