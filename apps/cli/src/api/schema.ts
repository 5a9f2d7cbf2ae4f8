/** The daemon's local API: what the CLI, hooks and the MCP server may ask of it, over its unix socket. */
import { z } from 'zod'
import { deliverMode, keyStanding, keyText, mesh, ms, sessionStatus, standing, uuid } from './fields.ts'

export const priority = z.enum(['now', 'next', 'low'])
/** How far a message has come for one recipient; `pending` = in the outbox, not yet accepted by the broker. */
export const sendState = z.enum([
  'pending',
  'accepted',
  'delivered',
  'surfaced',
  'answered',
  'held',
  'refused',
  'expired',
  'removed',
  'unknown',
  'undecryptable',
  'failed',
])
export type SendState = z.output<typeof sendState>

export const meshInfo = z.object({
  id: keyText,
  name: z.string(),
  broker: z.string(),
  member: keyText,
  memberName: z.string(),
  role: z.enum(['owner', 'admin', 'member', 'viewer']),
  /** `stopped` = sealing is stopped for an integrity problem or a wrong clock. */
  state: z.enum(['connecting', 'online', 'offline', 'stopped', 'removed']),
  why: z.string().nullable(),
  members: z.int(),
  rosterSeq: z.int(),
  epoch: z.int(),
  /** No other member has confirmed the roster since, for over 12 h. */
  unconfirmedSince: ms.nullable(),
  /** Since when all delivery in the mesh is held, and by whose word; null while it goes on. */
  paused: z.object({ since: ms, by: z.string(), member: keyText }).nullable(),
})
export type MeshInfo = z.output<typeof meshInfo>

export const statusReply = z.object({
  pid: z.int(),
  version: z.string(),
  startedAt: ms,
  home: z.string(),
  meshes: z.array(meshInfo),
  sessions: z.int(),
  outbox: z.int(),
  unread: z.int(),
  /** Nothing is handed to sessions since then. */
  pausedSince: ms.nullable(),
  /** Open sessions of Claude whose mail does not come by itself. */
  quiet: z.array(z.object({ name: z.string(), mesh: z.string(), deliver: deliverMode })),
  problems: z.array(z.object({ code: z.string(), message: z.string(), mesh: z.string().nullable() })),
})
export const setPause = z.strictObject({ paused: z.boolean() })
export const pauseReply = z.object({ pausedSince: ms.nullable() })
export type StatusReply = z.output<typeof statusReply>

export const setRetention = z.strictObject({ retentionMs: ms })
export const retentionReply = z.object({ mesh: z.string(), retentionMs: ms })

/** `uuid` and `session` are null for a person without a session shown. */
export const peer = z.object({
  name: z.string(),
  /** Name of the person the session belongs to. */
  person: z.string(),
  member: keyText,
  session: keyText.nullable(),
  uuid: uuid.nullable(),
  status: sessionStatus,
  statusSource: z.string(),
  statusAt: ms,
  online: z.boolean(),
  lease: z.enum(['online', 'away', 'offline']),
  role: z.string(),
  groups: z.array(z.string()),
  summary: z.string(),
  directory: z.string(),
  /** Of a `waiting` session: for what, in its own words; else empty. */
  waitingFor: z.string(),
  /** How its mail comes; of sessions of this machine alone, else null. */
  deliver: deliverMode.nullable(),
  ...standing,
  self: z.boolean(),
  mesh: z.string(),
})
export type Peer = z.output<typeof peer>

export const sendRequest = z.strictObject({
  mesh,
  /** UUID of the session that speaks; absent = the session of the token, else the person. */
  as: z.string().max(64).optional(),
  /** Addresses: `alice`, `alice/api`, `@group`, `@all`, a key or UUID prefix of 6 or more. */
  to: z.array(z.string().min(1).max(200)).min(1).max(1000),
  text: z.string().min(1).max(200_000),
  priority: priority.default('next'),
  ttlMs: z
    .int()
    .min(1000)
    .max(30 * 86_400_000)
    .optional(),
  replyTo: uuid.optional(),
  threadId: uuid.optional(),
  wait: z.enum(['none', 'accepted', 'delivered', 'surfaced']).default('accepted'),
  timeoutMs: z.int().min(0).max(600_000).default(30_000),
})
const recipientState = z.object({
  /** The address's resolved name, e.g. `alice/api`. */
  to: z.string(),
  session: keyText.nullable(),
  state: sendState,
  why: z.string().nullable(),
  ...standing,
})
export const sendReply = z.object({
  id: uuid,
  recipients: z.array(recipientState),
  reached: z.boolean(),
  /** As in `meshInfo`. */
  unconfirmedSince: ms.nullable(),
})
export type SendReply = z.output<typeof sendReply>

export const inboxMessage = z.object({
  id: uuid,
  from: z.string(),
  fromName: z.string(),
  /** Name of the session or person it was sent to. */
  to: z.string(),
  text: z.string(),
  sentAt: ms,
  receivedAt: ms,
  replyTo: uuid.nullable(),
  threadId: uuid.nullable(),
  /** As its sender says: turns of agents that led to it without a person in between; absent for none. */
  hops: z.int().optional(),
  /** It was addressed to a group or to everybody; absent where it was not. */
  group: z.literal(true).optional(),
  ...standing,
  priority,
  late: z.boolean(),
  /** Set where messages of this sender before this one never came. */
  warning: z.string().nullable(),
  state: z.enum(['unread', 'pushed', 'surfaced', 'read']),
  /** A word of this machine itself, about what was sent from it; absent for what a peer says. */
  note: z.literal(true).optional(),
  /** Not handed to the session for now: `budget`, `loop`; absent where nothing holds it back. */
  held: z.string().optional(),
  mesh: z.string(),
})
export type InboxMessage = z.output<typeof inboxMessage>

export const outboxMessage = z.object({
  id: uuid,
  mesh: z.string(),
  text: z.string(),
  composedAt: ms,
  endsAt: ms,
  dead: z.boolean(),
  recipients: z.array(recipientState),
})
export type OutboxMessage = z.output<typeof outboxMessage>

/** `by` names who says so: this machine, `broker`, or the peer whose signed receipt it is; `verified` = that signature or proof checked out. */
export const traceStep = z.object({
  at: ms,
  state: z.string(),
  by: z.string(),
  /** Of the peer that says so; `null` for this machine and the broker. */
  byKey: keyStanding.nullable(),
  to: z.string().nullable(),
  toKey: keyStanding.nullable(),
  why: z.string().nullable(),
  verified: z.boolean(),
})
export type TraceStep = z.output<typeof traceStep>

/** `note` is the signed checkpoint; `root` and `rosterHead` stand in it. */
export const auditHead = z.object({
  mesh: keyText,
  name: z.string(),
  size: z.int(),
  root: keyText,
  rosterSeq: z.int(),
  rosterHead: keyText,
  note: z.string(),
})
export type AuditHead = z.output<typeof auditHead>
/** PATH(index, D[size]) of RFC 6962 for the leaf of an accepted sealing `id`, checked under `note`. */
export const auditProof = z.object({
  id: uuid,
  index: z.int(),
  size: z.int(),
  hash: keyText,
  at: ms,
  seq: z.int(),
  path: z.array(keyText),
  note: z.string(),
})
export type AuditProof = z.output<typeof auditProof>
/** Leaves of the log that was given up, and of the one that stands for it. */
export const auditAccepted = z.object({ old: z.int(), now: z.int() })

export const setPresence = z.strictObject({
  as: z.string().max(64).optional(),
  status: z.enum(['idle', 'working', 'dnd']).optional(),
  summary: z.string().max(280).optional(),
  /** Groups as `group` or `group:role`; joining one again changes the role in it. */
  join: z.array(z.string().min(1).max(64)).max(32).optional(),
  leave: z.array(z.string().min(1).max(64)).max(32).optional(),
  /** How its mail comes from now on. */
  deliver: deliverMode.optional(),
})
/** What the session says of itself from now on. */
export const presenceReply = z.object({
  name: z.string(),
  status: sessionStatus,
  summary: z.string(),
  groups: z.array(z.string()),
  deliver: deliverMode,
})

export const errorReply = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    field: z.string().optional(),
    retryAfterMs: z.number().optional(),
    facts: z.record(z.string(), z.unknown()).optional(),
  }),
})
