/** What cannot be sealed for want of keys, or in doubt: ended where that is known for good, else looked at again. */
import type { Core } from '../core.ts'
import type { OutboxRecipientRow } from '../store.ts'
import { moveRecipient } from './states.ts'
import type { Targets } from './targets.ts'

/** A recipient without keys, or in doubt, is looked at again this often, and when it is heard of. */
const RETRY_MS = 30_000

/** Base64url of the recipient's member key. */
export const memberOf = ({ to }: OutboxRecipientRow): string => to.split('/')[0]!

/** Inside `commit.run`. */
export function putOff(core: Core, targets: Targets, row: OutboxRecipientRow, why: string): void {
  const { keeper, store, now } = core
  const at = now()
  const later = { dueAt: at + RETRY_MS }
  if (keeper.roster.removed.has(memberOf(row)))
    moveRecipient(core, row, { state: 'removed', why: 'removed', at, by: 'me', verified: true })
  else if (targets.isAbsent(row.to))
    moveRecipient(core, row, { state: 'unknown', why: 'no-keys', at, by: 'broker', verified: false })
  else if (row.why === why) store.outbox.updateRecipient({ ...row, ...later })
  else moveRecipient(core, row, { state: 'pending', why, at, by: 'me', verified: true, ...later })
}
