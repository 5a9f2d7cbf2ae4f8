/** The daemon's own tables: sessions of this machine, who of them got which mail of the person, and whose key the person confirmed. */
import type { FormerUuid, PresenceStatus, StatusSource } from '@claudemesh/protocol'
import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { flag, ofMesh } from './schema.ts'

/** Sessions of this machine: what they were opened with, and how they stand. */
export const session = sqliteTable(
  'session',
  {
    mesh: ofMesh(),
    uuid: text().notNull(),
    name: text().notNull(),
    role: text().notNull(),
    groups: text({ mode: 'json' }).$type<string[]>().notNull(),
    summary: text().notNull(),
    directory: text().notNull(),
    kind: text().$type<'claude' | 'plain'>().notNull(),
    deliver: text().$type<'push' | 'inbox' | 'off'>().notNull(),
    open: flag(),
    pid: integer(),
    /** `processIdentity` of `pid` when the session was opened. */
    processIdentity: text('process_identity'),
    status: text().$type<PresenceStatus>().notNull(),
    statusSource: text('status_source').$type<StatusSource>().notNull(),
    statusAt: integer('status_at').notNull(),
    /** Last opened, closed or used: sessions stay attached for 30 days after it. */
    usedAt: integer('used_at').notNull(),
    /** The UUID that its Claude session has now, where that is no longer `uuid`. */
    claudeId: text('claude_id'),
    /** UUIDs that its Claude session had before, oldest first. */
    former: text({ mode: 'json' }).$type<FormerUuid[]>().notNull().default([]),
    /** Claude's own process, as its hooks told. */
    claudePid: integer('claude_pid'),
    /** `processIdentity` of `claudePid`. */
    claudeIdentity: text('claude_identity'),
    /** Name of the token file that speaks for it, where that is not its `uuid`: the token stays with the process. */
    tokenName: text('token_name'),
    /** Name of the token by which the first hook of this copy came. */
    introducedBy: text('introduced_by'),
  },
  t => [primaryKey({ columns: [t.mesh, t.uuid] })],
)

/** Member keys that a person confirmed by comparing safety numbers. */
export const confirmedKey = sqliteTable(
  'confirmed_key',
  {
    mesh: ofMesh(),
    /** Base64url. */
    member: text().notNull(),
    /** The member's name when it was confirmed. */
    name: text().notNull(),
    at: integer().notNull(),
  },
  t => [primaryKey({ columns: [t.mesh, t.member] })],
)

/** Mail to the person that was given to one of her sessions, so that it is not given to a second one. */
export const personMail = sqliteTable(
  'person_mail',
  { mesh: ofMesh(), msg: text().notNull(), uuid: text().notNull() },
  t => [primaryKey({ columns: [t.mesh, t.msg] })],
)
