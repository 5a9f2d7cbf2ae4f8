/** Every table of the broker, in the schema `mesh`; types and migrations follow from here. */
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  customType,
  index,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'

const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' })
const big = (name: string) => bigint(name, { mode: 'number' })
const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

export const mesh = pgSchema('mesh')

/** The lock and the counters of a mesh: whoever makes order holds this row. */
export const meshHead = mesh.table('mesh_head', {
  /** Surrogate; names the mesh in other tables and orders locks, never messages. */
  id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
  mesh: bytea('mesh').notNull().unique(),
  /** The last seq given. */
  seq: big('seq').notNull().default(0),
  /** Leaves in the audit log; the next index. */
  auditSize: big('audit_size').notNull().default(0),
  /** Time of the last leaf; the log's clock never goes back. */
  lastAt: at('last_at').notNull().defaultNow(),
  /** Deliveries and facts that wait. */
  queued: big('queued').notNull().default(0),
  /** Envelopes for several that wait: while there is none, nobody looks for an id among them. */
  several: big('several').notNull().default(0),
  rosterSeq: big('roster_seq').notNull(),
  rosterHead: bytea('roster_head').notNull(),
})

export const rosterEntry = mesh.table(
  'roster_entry',
  {
    meshId: integer('mesh_id').notNull(),
    seq: big('seq').notNull(),
    hash: bytea('hash').notNull(),
    /** The wire JSON; signatures are over its fields, so the order of keys says nothing. */
    entry: jsonb('entry').notNull(),
  },
  t => [primaryKey({ columns: [t.meshId, t.seq] })],
)

/** Epoch keys sealed to members and open invites, beside the chain. */
export const epochCopy = mesh.table(
  'epoch_copy',
  {
    meshId: integer('mesh_id').notNull(),
    rosterSeq: big('roster_seq').notNull(),
    /** Member key or invite key. */
    to: bytea('to').notNull(),
    epoch: integer('epoch').notNull(),
    copy: bytea('copy').notNull(),
  },
  t => [primaryKey({ columns: [t.meshId, t.to, t.rosterSeq] })],
)

export const member = mesh.table(
  'member',
  {
    meshId: integer('mesh_id').notNull(),
    key: bytea('key').notNull(),
    role: text('role').notNull(),
    joinedSeq: big('joined_seq').notNull(),
    /** Set once; the same key never comes back. */
    removedSeq: big('removed_seq'),
  },
  t => [primaryKey({ columns: [t.meshId, t.key] })],
)

export const invite = mesh.table(
  'invite',
  {
    code: bytea('code').primaryKey(),
    meshId: integer('mesh_id').notNull(),
    /** Of the invite entry. */
    hash: bytea('hash').notNull(),
    used: integer('used').notNull().default(0),
  },
  t => [unique('invite_hash').on(t.meshId, t.hash)],
)

/** Narrow and hot: who can be queued for, and how far it has acked. */
export const recipient = mesh.table(
  'recipient',
  {
    /** Surrogate; never makes order. */
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    meshId: integer('mesh_id').notNull(),
    /** Member key (32 bytes: the person) or member key ‖ session key (64 bytes). */
    key: bytea('key').notNull(),
    removed: boolean('removed').notNull().default(false),
    /** 30 days after the last certificate runs out; none for the person, known while the member stands. */
    knownUntil: at('known_until'),
    attachment: big('attachment').notNull().default(0),
    /** Watermark: nothing up to here is in the queue. */
    acked: big('acked').notNull().default(0),
  },
  t => [unique('recipient_key').on(t.meshId, t.key)],
)

/** Wide and cold: what a recipient says of itself, and whether it is here. */
export const lease = mesh.table(
  'lease',
  {
    recipientId: big('recipient_id').primaryKey(),
    uuid: text('uuid'),
    certificate: jsonb('certificate'),
    prekey: jsonb('prekey').notNull(),
    prekeyN: big('prekey_n').notNull(),
    presence: jsonb('presence'),
    presenceCounter: big('presence_counter').notNull().default(0),
    /** online | away | offline, as last written; a dead node's `online` is read as `away`. */
    state: text('state').notNull(),
    stateAt: at('state_at').notNull(),
    node: text('node').notNull(),
    hookTokenHash: bytea('hook_token_hash'),
    hookStatus: text('hook_status'),
    hookAt: at('hook_at'),
    /** When what others see of it last changed, by the database's clock; kept by a trigger, so that every writer keeps it. */
    changedAt: at('changed_at').notNull().defaultNow(),
  },
  t => [
    index('lease_here').on(t.node).where(sql`${t.state} = 'online'`),
    index('lease_leaving').on(t.stateAt).where(sql`${t.state} = 'away'`),
    index('lease_hook').on(t.hookTokenHash).where(sql`${t.hookTokenHash} is not null`),
    index('lease_changed').on(t.changedAt),
  ],
)

/** One row: what names this database to the nodes that share it, and to nobody else. */
export const cluster = mesh.table('cluster', {
  id: uuid('id').primaryKey().defaultRandom(),
})

/** Sets of database functions, each in a schema of this name, and when a broker that calls them last said so. */
export const functionSet = mesh.table('function_set', {
  name: text('name').primaryKey(),
  usedAt: at('used_at').notNull(),
})

/** Broker processes; a lease holds no longer than its node beats. */
export const node = mesh.table('node', {
  name: text('name').primaryKey(),
  beatUntil: at('beat_until').notNull(),
})

/** What one recipient waits for, each a row: an envelope, its slot of an envelope for several, or a fact. Deleted when acked. */
export const delivery = mesh.table(
  'delivery',
  {
    recipientId: big('recipient_id').notNull(),
    seq: big('seq').notNull(),
    /** The end of its ttl; of a fact, how long it is kept. */
    expiresAt: at('expires_at').notNull(),
    meshId: integer('mesh_id').notNull(),
    /** Several were addressed: what they share lies in `envelope`. */
    shared: boolean('shared').notNull(),
    /** With one recipient the row is the whole envelope; its answer was `queued`. */
    fromId: big('from_id'),
    auditIndex: big('audit_index'),
    /** Accepted; of a fact, signed. */
    at: at('at'),
    /** Of the sealing; of a fact, of the sealing that ended. */
    id: bytea('id'),
    contentHash: bytea('content_hash'),
    header: bytea('header'),
    slot: bytea('slot'),
    body: bytea('body'),
    /** A fact, signed by the broker and in its sender's queue: expired | dropped; none for mail. */
    kind: text('kind'),
    why: text('why'),
    toKey: bytea('to_key'),
    signature: bytea('signature'),
  },
  t => [
    primaryKey({ columns: [t.recipientId, t.seq] }),
    uniqueIndex('delivery_id').on(t.fromId, t.id).where(sql`${t.fromId} is not null`),
    index('delivery_shared').on(t.meshId, t.seq).where(sql`${t.shared}`),
    index('delivery_due').on(t.expiresAt).where(sql`${t.kind} is null`),
    index('delivery_kept').on(t.expiresAt).where(sql`${t.kind} is not null`),
  ],
)

/** What the recipients of one envelope share, while any of them still waits for it. */
export const envelope = mesh.table(
  'envelope',
  {
    meshId: integer('mesh_id').notNull(),
    seq: big('seq').notNull(),
    fromId: big('from_id').notNull(),
    id: bytea('id').notNull(),
    contentHash: bytea('content_hash').notNull(),
    header: bytea('header').notNull(),
    body: bytea('body').notNull(),
    /** The answer that was given, one digit a recipient: 0 queued, 1 unknown, 2 removed. */
    states: text('states').notNull(),
    auditIndex: big('audit_index').notNull(),
    acceptedAt: at('accepted_at').notNull(),
  },
  t => [primaryKey({ columns: [t.meshId, t.seq] }), unique('envelope_id').on(t.fromId, t.id)],
)

/** Hashes of leaves whose day was dropped; those that stand lie in `audit_leaf`, day by day (made by the migration beside the generated ones). */
export const auditPruned = mesh.table(
  'audit_pruned',
  {
    meshId: integer('mesh_id').notNull(),
    index: big('index').notNull(),
    hash: bytea('hash').notNull(),
  },
  t => [primaryKey({ columns: [t.meshId, t.index] })],
)

/** Roots of complete subtrees of the audit tree at every eighth level: 2^level leaves from index · 2^level on. */
export const auditSubtree = mesh.table(
  'audit_subtree',
  {
    meshId: integer('mesh_id').notNull(),
    level: integer('level').notNull(),
    index: big('index').notNull(),
    hash: bytea('hash').notNull(),
  },
  t => [primaryKey({ columns: [t.meshId, t.level, t.index] })],
)

/** Every signed head of the audit log, as it was told. */
export const auditCheckpoint = mesh.table(
  'audit_checkpoint',
  {
    meshId: integer('mesh_id').notNull(),
    size: big('size').notNull(),
    note: text('note').notNull(),
  },
  t => [primaryKey({ columns: [t.meshId, t.size] })],
)
