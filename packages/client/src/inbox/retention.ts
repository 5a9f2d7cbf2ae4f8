/** How long the text of a message that was read can be read again on this machine; then its key is erased. */
import { MeshError } from '@claudemesh/protocol'
import type { Core } from '../core.ts'

const SETTING = 'retention'
const DEFAULT_MS = 30 * 86_400_000
/** Keys belong to full hours: less could not be kept. */
const LEAST_MS = 3_600_000
const MOST_MS = 3_650 * 86_400_000

export const retentionOf = ({ store }: Pick<Core, 'store'>): number =>
  Number(store.settings.get(SETTING) ?? DEFAULT_MS)

/** From now on, and for what is there. Throws `usage` outside of 1 hour to 10 years. */
export function setRetention(core: Core, ms: number): void {
  if (!Number.isSafeInteger(ms) || ms < LEAST_MS || ms > MOST_MS)
    throw new MeshError('usage', 'texts are kept for 1 hour to 3650 days', { field: 'retentionMs' })
  core.store.settings.set(SETTING, String(ms))
  if (eraseTexts(core)) core.store.purge()
}

/** Erases what is to be read no more; true if the store's files are to be cleaned. */
export function eraseTexts(core: Core): boolean {
  const now = core.now()
  return core.store.texts.erase(now, now - retentionOf(core))
}
