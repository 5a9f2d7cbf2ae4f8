/** Seals again for who asked: three times with backoff, then the dead-letter list. */
import type { Core } from '../core.ts'
import type { OutboxRecipientRow } from '../store.ts'
import { moveRecipient } from './states.ts'

/** Why a row is sealed again; such a row waits for its time, whatever is heard of the recipient meanwhile. */
export const RESEALED_FOR = ['stale-prekey', 'unknown-opener', 'undecryptable', 'conflict'] as const

const MAX_RESEALS = 3
const BACKOFF_MS = [0, 5_000, 60_000] as const

/** Inside `commit.run`: back to `pending`, or given up as `undecryptable`. */
export function resealOrGiveUp(
  core: Core,
  row: OutboxRecipientRow,
  asked: { why: (typeof RESEALED_FOR)[number]; by: string; verified: boolean },
): OutboxRecipientRow {
  const at = core.now()
  const { reseals } = row
  if (reseals >= MAX_RESEALS) return moveRecipient(core, row, { ...asked, state: 'undecryptable', at })
  const dueAt = at + (BACKOFF_MS[reseals] ?? 0)
  return moveRecipient(core, row, { ...asked, state: 'pending', at, dueAt, reseals: reseals + 1 })
}
