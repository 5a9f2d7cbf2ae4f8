/** Token buckets by name: who takes too much is told when to come again; memory holds only who took lately. */

export interface TokenBuckets {
  /** Takes `cost` tokens of `name`. 0 = taken, else ms until there are enough; then nothing was taken. */
  take(name: string, cost: number, now: number): number
  /** Forgets the buckets that are full again. */
  sweep(now: number): void
  readonly size: number
}

/** `perSecond` 0 = no limit. A cost above `burst` is taken when the bucket is full, and leaves a debt. */
export function tokenBuckets(perSecond: number, burst: number): TokenBuckets {
  const buckets = new Map<string, { tokens: number; at: number }>()
  const perMs = perSecond / 1000
  return {
    take(name, cost, now) {
      if (perSecond === 0) return 0
      let bucket = buckets.get(name)
      if (bucket === undefined) {
        bucket = { tokens: burst, at: now }
        buckets.set(name, bucket)
      }
      bucket.tokens = Math.min(burst, bucket.tokens + Math.max(0, now - bucket.at) * perMs)
      bucket.at = now
      const needed = Math.min(cost, burst)
      if (bucket.tokens < needed) return Math.ceil((needed - bucket.tokens) / perMs)
      bucket.tokens -= cost
      return 0
    },
    sweep(now) {
      for (const [name, bucket] of buckets)
        if (bucket.tokens + (now - bucket.at) * perMs >= burst) buckets.delete(name)
    },
    get size() {
      return buckets.size
    },
  }
}
