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
  },
  t => [
    index('lease_here').on(t.node).where(sql`${t.state} = 'online'`),
    index('lease_leaving').on(t.stateAt).where(sql`${t.state} = 'away'`),
    index('lease_hook').on(t.hookTokenHash).where(sql`${t.hookTokenHash} is not null`),
  ],
)

/** Broker processes; a lease holds no longer than its node beats. */
export const node = mesh.table('node', {
  name: text('name').primaryKey(),
  beatUntil: at('beat_until').notNull(),
})

/** One accepted envelope while anybody still waits for it. */
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
    expiresAt: at('expires_at').notNull(),
    /** The only recipient, where there is only one. */
    soleId: big('sole_id'),
  },
  t => [
    primaryKey({ columns: [t.meshId, t.seq] }),
    unique('envelope_id').on(t.fromId, t.id),
    index('envelope_due').on(t.expiresAt),
  ],
)

/** One envelope waiting for one recipient; deleted when acked, so every row is pending. */
export const delivery = mesh.table(
  'delivery',
  {
    recipientId: big('recipient_id').notNull(),
    seq: big('seq').notNull(),
    meshId: integer('mesh_id').notNull(),
    /** Others were addressed too. */
    shared: boolean('shared').notNull(),
    slot: bytea('slot').notNull(),
  },
  t => [
    primaryKey({ columns: [t.recipientId, t.seq] }),
    index('delivery_shared').on(t.meshId, t.seq).where(sql`${t.shared}`),
  ],
)

/** A broker-signed end of one sealing for one recipient, in its sender's queue. */
export const fact = mesh.table(
  'fact',
  {
    recipientId: big('recipient_id').notNull(),
    seq: big('seq').notNull(),
    meshId: integer('mesh_id').notNull(),
    kind: text('kind').notNull(),
    why: text('why').notNull(),
    envelopeId: bytea('envelope_id').notNull(),
    toKey: bytea('to_key').notNull(),
    at: at('at').notNull(),
    signature: bytea('signature').notNull(),
    keepUntil: at('keep_until').notNull(),
  },
  t => [primaryKey({ columns: [t.recipientId, t.seq] }), index('fact_kept').on(t.keepUntil)],
)

/** Leaf hashes, for ever. Their bodies lie in `audit_body`, day by day (made by the migration beside the generated ones). */
export const auditLeaf = mesh.table(
  'audit_leaf',
  {
    meshId: integer('mesh_id').notNull(),
    index: big('index').notNull(),
    hash: bytea('hash').notNull(),
  },
  t => [primaryKey({ columns: [t.meshId, t.index] })],
)
