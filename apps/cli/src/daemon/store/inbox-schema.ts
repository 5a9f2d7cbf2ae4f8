/** What came: messages, the lanes they came by, what could not be opened, receipts that are due, and the path of each message. */
import type { InboxState } from '@claudemesh/client'
import type { ReceiptState } from '@claudemesh/protocol'
import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { bytes } from './columns.ts'
import { flag, ofMesh, place, priority, sealedText, time } from './schema.ts'

export const inbox = sqliteTable(
  'inbox',
  {
    row: place(),
    mesh: ofMesh(),
    owner: text().notNull(),
    from: text().notNull(),
    msg: text().notNull(),
    id: text().notNull(),
    line: text().notNull(),
    pairSeq: integer('pair_seq').notNull(),
    kind: text().notNull(),
    ...sealedText(),
    priority: priority(),
    composedAt: integer('composed_at').notNull(),
    sentAt: integer('sent_at').notNull(),
    receivedAt: integer('received_at').notNull(),
    state: text().$type<InboxState>().notNull(),
    position: integer(),
    late: flag(),
    gap: flag(),
    receipt: text().$type<ReceiptState>().notNull(),
    receiptWhy: text('receipt_why').notNull(),
    forgetAt: integer('forget_at').notNull(),
  },
  t => [
    uniqueIndex('inbox_key').on(t.mesh, t.owner, t.msg, t.from),
    index('inbox_position').on(t.mesh, t.owner, t.position),
    index('inbox_state').on(t.mesh, t.owner, t.state, t.position),
    index('inbox_waiting').on(t.mesh, t.owner, t.from, t.line, t.pairSeq).where(sql`state = 'waiting'`),
    index('inbox_early').on(t.mesh, t.sentAt).where(sql`state = 'early'`),
    index('inbox_text').on(t.mesh, t.textKey).where(sql`text_key IS NOT NULL`),
    index('inbox_done').on(t.mesh, t.forgetAt).where(sql`state IN ('surfaced', 'read')`),
  ],
)

export const lane = sqliteTable(
  'lane',
  {
    mesh: ofMesh(),
    owner: text().notNull(),
    from: text().notNull(),
    line: text().notNull(),
    next: integer().notNull(),
    waitedMs: integer('waited_ms').notNull(),
  },
  t => [primaryKey({ columns: [t.mesh, t.owner, t.from, t.line] })],
)

export const unopened = sqliteTable(
  'unopened',
  {
    row: place(),
    mesh: ofMesh(),
    owner: text().notNull(),
    id: text().notNull(),
    from: text().notNull(),
    reason: text().notNull(),
    bytes: bytes().notNull(),
    at: time(),
  },
  t => [uniqueIndex('unopened_key').on(t.mesh, t.owner, t.id)],
)

export const receiptDue = sqliteTable(
  'receipt_due',
  {
    row: place(),
    mesh: ofMesh(),
    owner: text().notNull(),
    to: text().notNull(),
    state: text().$type<ReceiptState>().notNull(),
    why: text().notNull(),
    id: text().notNull(),
    msg: text(),
    at: time(),
    dueAt: integer('due_at').notNull(),
  },
  t => [
    index('receipt_due_owner').on(t.mesh, t.owner, t.row, t.dueAt),
    index('receipt_due_at').on(t.mesh, t.dueAt),
  ],
)

export const trace = sqliteTable(
  'trace',
  {
    row: place(),
    mesh: ofMesh(),
    msg: text().notNull(),
    at: time(),
    state: text().notNull(),
    by: text().notNull(),
    to: text(),
    why: text(),
    verified: flag(),
  },
  t => [index('trace_msg').on(t.mesh, t.msg)],
)
