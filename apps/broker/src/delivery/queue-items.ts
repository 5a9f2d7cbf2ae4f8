/** Rows of a queue as delivery hands them out. */
import type { QueueRow } from '@claudemesh/db'
import type { QueueItem } from './attachment.ts'

export const queueItems = (rows: readonly QueueRow[]): QueueItem[] =>
  rows.map(row =>
    row.kind === 'fact'
      ? { seq: row.seq, fact: row.fact }
      : { seq: row.seq, fact: null, header: row.header, slot: row.slot, body: row.body },
  )
