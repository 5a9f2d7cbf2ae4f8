/**
 * The daemon's SQLite file: what `ClientStore` keeps for each mesh (packages/client/src/store.ts says what the columns mean).
 * Everything of a mesh goes when its row in `mesh` goes.
 */
import type { OutboxState, SealingRecipientRow, SealingRow } from '@claudemesh/client'
import type { Priority } from '@claudemesh/protocol'
import { sql } from 'drizzle-orm'
import {
  foreignKey,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  uniqueIndex,
} from 'drizzle-orm/sqlite-core'
import { bytes } from './columns.ts'

export const mesh = sqliteTable('mesh', {
  row: integer().primaryKey(),
  /** Base64url of the mesh id. */
  id: text().notNull().unique(),
})

/** The mesh a row belongs to. */
export const ofMesh = () =>
  integer()
    .notNull()
    .references(() => mesh.row, { onDelete: 'cascade' })
export const place = () => integer().primaryKey({ autoIncrement: true })
export const time = () => integer().notNull()
export const flag = () => integer({ mode: 'boolean' }).notNull()
export const priority = () => text().$type<Priority>().notNull()
/** A text and the hour of its key (see texts.ts). */
export const sealedText = () => ({ sealed: bytes('sealed_text'), textKey: integer('text_key') })

export const setting = sqliteTable(
  'setting',
  { mesh: ofMesh(), name: text().notNull(), value: text().notNull() },
  t => [primaryKey({ columns: [t.mesh, t.name] })],
)

export const counter = sqliteTable(
  'counter',
  { mesh: ofMesh(), name: text().notNull(), value: integer().notNull() },
  t => [primaryKey({ columns: [t.mesh, t.name] })],
)

export const rosterEntry = sqliteTable(
  'roster_entry',
  { mesh: ofMesh(), seq: integer().notNull(), entry: text().notNull() },
  t => [primaryKey({ columns: [t.mesh, t.seq] })],
)

export const epoch = sqliteTable(
  'epoch',
  { mesh: ofMesh(), number: integer().notNull(), key: bytes().notNull() },
  t => [primaryKey({ columns: [t.mesh, t.number] })],
)

/** Secrets that are to be erased: always 64 bytes, written over where they lie, never moved (see secrets.ts). */
export const secret = sqliteTable('secret', {
  row: integer().primaryKey(),
  free: flag(),
  bytes: bytes().notNull(),
})

export const textKey = sqliteTable(
  'text_key',
  {
    mesh: ofMesh(),
    kind: text().$type<'inbox' | 'outbox'>().notNull(),
    /** Hours since 1970. */
    hour: integer().notNull(),
    /** Its row in `secret`. */
    secretRow: integer('secret_row').notNull(),
  },
  t => [primaryKey({ columns: [t.mesh, t.kind, t.hour] })],
)

export const prekey = sqliteTable(
  'prekey',
  {
    mesh: ofMesh(),
    id: bytes().notNull(),
    owner: text().notNull(),
    n: integer().notNull(),
    bundle: text().notNull(),
    /** Its row in `secret`. */
    secretRow: integer('secret_row'),
    publishedAt: integer('published_at'),
    queuedUpTo: integer('queued_up_to').notNull().default(0),
    attachedMs: integer('attached_ms').notNull().default(0),
  },
  t => [primaryKey({ columns: [t.mesh, t.id] })],
)

export const opener = sqliteTable(
  'opener',
  {
    row: place(),
    mesh: ofMesh(),
    owner: text().notNull(),
    from: text().notNull(),
    prekeyId: bytes('prekey_id').notNull(),
    openerId: bytes('opener_id').notNull(),
    opener: bytes().notNull(),
    certificate: text(),
    at: time(),
  },
  t => [uniqueIndex('opener_key').on(t.mesh, t.prekeyId, t.owner, t.from, t.openerId)],
)

export const directory = sqliteTable(
  'directory',
  { mesh: ofMesh(), key: text().notNull(), entry: text().notNull(), at: time() },
  t => [primaryKey({ columns: [t.mesh, t.key] })],
)

export const outboxMessage = sqliteTable(
  'outbox_message',
  {
    row: place(),
    mesh: ofMesh(),
    msg: text().notNull(),
    owner: text().notNull(),
    kind: text().notNull(),
    ...sealedText(),
    priority: priority(),
    line: text().notNull(),
    composedAt: integer('composed_at').notNull(),
    ttlMs: integer('ttl_ms').notNull(),
    endsAt: integer('ends_at'),
    dead: flag(),
  },
  t => [
    uniqueIndex('outbox_message_msg').on(t.mesh, t.msg),
    index('outbox_message_text').on(t.mesh, t.textKey).where(sql`text_key IS NOT NULL`),
  ],
)

export const outboxRecipient = sqliteTable(
  'outbox_recipient',
  {
    row: place(),
    mesh: ofMesh(),
    msg: text().notNull(),
    owner: text().notNull(),
    line: text().notNull(),
    to: text().notNull(),
    pairSeq: integer('pair_seq').notNull(),
    state: text().$type<OutboxState>().notNull(),
    why: text(),
    at: time(),
    reseals: integer().notNull(),
    dueAt: integer('due_at').notNull(),
  },
  t => [
    uniqueIndex('outbox_recipient_key').on(t.mesh, t.msg, t.to),
    index('outbox_recipient_pending').on(t.mesh, t.owner, t.row, t.dueAt).where(sql`state = 'pending'`),
    index('outbox_recipient_due').on(t.mesh, t.dueAt).where(sql`state = 'pending'`),
    index('outbox_recipient_open')
      .on(t.mesh, t.owner, t.line, t.to, t.pairSeq)
      // For IN with more than two SQLite makes a table of them with every write.
      .where(sql`state = 'pending' OR state = 'sealed' OR state = 'accepted'`),
    foreignKey({
      columns: [t.mesh, t.msg],
      foreignColumns: [outboxMessage.mesh, outboxMessage.msg],
    }).onDelete('cascade'),
  ],
)

export const sealing = sqliteTable(
  'sealing',
  {
    row: place(),
    mesh: ofMesh(),
    id: text().notNull(),
    msg: text().notNull(),
    sentAt: integer('sent_at').notNull(),
    state: text().$type<SealingRow['state']>().notNull(),
    bytes: bytes(),
    toHash: bytes('to_hash'),
    seq: integer().notNull(),
    auditIndex: integer('audit_index').notNull(),
    acceptedAt: integer('accepted_at').notNull(),
  },
  t => [
    uniqueIndex('sealing_id').on(t.mesh, t.id),
    index('sealing_msg').on(t.mesh, t.msg),
    index('sealing_unaccepted').on(t.mesh, t.row).where(sql`state = 'sealed'`),
    foreignKey({
      columns: [t.mesh, t.msg],
      foreignColumns: [outboxMessage.mesh, outboxMessage.msg],
    }).onDelete('cascade'),
  ],
)

export const sealingRecipient = sqliteTable(
  'sealing_recipient',
  {
    mesh: ofMesh(),
    id: text().notNull(),
    to: text().notNull(),
    end: text().$type<SealingRecipientRow['end']>(),
  },
  t => [
    primaryKey({ columns: [t.mesh, t.id, t.to] }),
    foreignKey({ columns: [t.mesh, t.id], foreignColumns: [sealing.mesh, sealing.id] }).onDelete('cascade'),
  ],
)
