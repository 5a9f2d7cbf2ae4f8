/** A log that the owner gave up for another, as its newest `broker` entry with a `log` says: a broker restored from a backup. */
import type { Core } from '../core.ts'
import { moveRecipient } from '../outbox/states.ts'
import { auditBroken, type PinnedHead } from './heads.ts'

const APPLIED = 'audit-restored'

export interface Restore {
  /** Of the roster entry. */
  readonly seq: number
  readonly old: PinnedHead
  readonly now: PinnedHead
}

/** The newest restore of the roster; `null` where there was none. Throws `integrity` for one that names no signed heads. */
export function newestRestore({ keeper, audit }: Pick<Core, 'keeper' | 'audit'>): Restore | null {
  for (const entry of keeper.entries.toReversed()) {
    if (entry.kind !== 'broker' || !entry.body.log) continue
    const { old, now } = entry.body.log
    try {
      return {
        seq: entry.seq,
        old: { note: old, checkpoint: audit.open(old) },
        now: { note: now, checkpoint: audit.open(now) },
      }
    } catch (cause) {
      throw auditBroken('the owner named a log that no broker key signed', {
        seq: entry.seq,
        cause: String(cause),
      })
    }
  }
  return null
}

/** Whether this machine has gone over to the log that the owner named there. */
export const hasFollowed = ({ store }: Pick<Core, 'store'>, { seq }: Restore): boolean =>
  store.counters.get(APPLIED) >= seq

/**
 * Follows the owner to the other log, once: its head is pinned, and what the old log's broker accepted and nobody has received is
 * sealed again. Throws `integrity` where this machine saw more of the old log than the owner gave up.
 */
export function followRestore(core: Core, restore: Restore): void {
  const { store, audit, commit } = core
  if (hasFollowed(core, restore)) return
  const { pinned } = audit
  const { old, now } = restore
  if (pinned && pinned.checkpoint.size > old.checkpoint.size)
    throw auditBroken(
      `the owner accepted another log in place of one of ${old.checkpoint.size} leaves, and this machine was shown ${pinned.checkpoint.size}`,
      { seq: restore.seq },
    )
  commit.run(() => {
    store.counters.set(APPLIED, restore.seq)
    if (!pinned) return
    audit.pin(now.note, now.checkpoint)
    for (const { msg } of store.outbox.list({ open: true }))
      for (const row of store.outbox.recipients(msg))
        if (row.state === 'accepted')
          moveRecipient(core, row, {
            state: 'pending',
            why: 'log-restored',
            at: core.now(),
            by: 'me',
            verified: true,
            dueAt: 0,
          })
  })
}
