/** Rows of a queue as delivery hands them out. */
import type { QueuePage } from '@claudemesh/db'
import type { QueueItem } from './attachment.ts'

export const queueItems = ({ rows }: QueuePage): QueueItem[] =>
  rows.map(row =>
    row.kind === 'fact'
      ? { seq: row.seq, fact: row.fact }
      : { seq: row.seq, fact: null, header: row.header, slot: row.slot, body: row.body },
  )
