/** When a prekey is replaced and when its secret goes (SPEC section 4.2): pure arithmetic over what the store knows of its life. */
import { LIMITS, type PrekeyBundle, TIMES } from '@claudemesh/protocol'
import type { PrekeyLife } from '../store.ts'

/** Between two looks at what is due; what would be due before the next one is done now. */
export const LOOK_MS = 30_000

export const isAged = ({ n }: PrekeyBundle, now: number): boolean => now - n >= TIMES.prekeyRotateMs - LOOK_MS

/**
 * An older secret is worn an hour after one of its published successors, if the queue told at that attach stands in our
 * store up to `taken`; and after four hours attached whatever the broker says.
 */
export function isWorn(
  own: PrekeyLife,
  successors: readonly PrekeyLife[],
  { taken, now, lookMs }: { taken: number; now: number; lookMs: number },
): boolean {
  if (own.attachedMs + lookMs > TIMES.prekeyAttachedMs) return true
  return successors.some(
    ({ publishedAt, queuedUpTo }) =>
      publishedAt !== null && taken >= queuedUpTo && now + lookMs > publishedAt + TIMES.prekeyKeptMs,
  )
}

/** Nobody may seal to it any more and nothing that is queued can need it: for owners that never attach again. */
export const isForgotten = ({ usableUntil }: PrekeyBundle, now: number): boolean =>
  usableUntil + LIMITS.ttlMs + TIMES.lateMs < now
