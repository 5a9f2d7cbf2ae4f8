/** How far messages under way have come, as the store has it: asked for with every answer to them, and written by one place. */
import type { OutboxRecipientRow, OutboxStanding, RecipientKey } from '@claudemesh/client'
import { memoryOf } from './memory.ts'
import type { MeshScope } from './mesh-scope.ts'

const REMEMBERED = 2_000
/** Recipients of a message that is remembered: in a crowd each would be looked for among all. */
const FEW = 8

interface UnderWay {
  readonly standing: OutboxStanding
  /** In the order they were written. */
  readonly recipients: readonly OutboxRecipientRow[]
}

export interface OutboxRows {
  written(msg: string, standing: OutboxStanding, recipients: readonly OutboxRecipientRow[]): void
  of(msg: string): UnderWay | undefined
  /** The row of one recipient, where its message is remembered: `null` if it has no such recipient. */
  one(msg: string, to: RecipientKey): OutboxRecipientRow | null | undefined
  updated(row: OutboxRecipientRow): void
  stands(msg: string, how: Partial<OutboxStanding>): void
  forget(msg: string): void
  /** Many were changed. */
  clear(): void
}

export function outboxRows(scope: MeshScope): OutboxRows {
  const memory = memoryOf<UnderWay>(scope, REMEMBERED)
  const change = (msg: string, changed: (known: UnderWay) => Partial<UnderWay>) => {
    const known = memory.held(msg)
    if (known) memory.set(msg, { ...known, ...changed(known) })
  }
  return {
    written: (msg, standing, recipients) => {
      if (recipients.length <= FEW) memory.set(msg, { standing, recipients })
    },
    of: msg => memory.held(msg),
    one: (msg, to) => {
      const known = memory.held(msg)
      return known && (known.recipients.find(row => row.to === to) ?? null)
    },
    updated: row =>
      change(row.msg, ({ recipients }) => ({
        recipients: recipients.map(each => (each.to === row.to ? row : each)),
      })),
    stands: (msg, how) => change(msg, ({ standing }) => ({ standing: { ...standing, ...how } })),
    forget: msg => memory.forget(msg),
    clear: () => memory.clear(),
  }
}
