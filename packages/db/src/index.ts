/** The broker's database: schema, migrations, every query, and the embedded Postgres. The only package that speaks SQL. */

export type { AttachOutcome, AttachRequest } from './attach.ts'
export { attach, detach } from './attach.ts'
export {
  type AuditCheckpoint,
  type AuditHead,
  type AuditLeafRow,
  type AuditLeafRun,
  type AuditSubtree,
  appendAudit,
  auditDue,
  auditLeaves,
  auditRows,
  checkpointsIn,
  dropAuditDays,
  ensureAuditDays,
  leafHashes,
  meshIds,
  newestCheckpoint,
  partOfRun,
  putCheckpoint,
  runEnd,
  subtreeHashes,
} from './audit.ts'
export { type BrokerStore, brokerStore } from './broker-store.ts'
export { commit } from './commit.ts'
export { type Database, openDatabase } from './database.ts'
export type {
  AcceptError,
  AcceptItem,
  AcceptOutcome,
  AckItem,
  AckOutcome,
  QueueRow,
  Seat,
} from './delivery-types.ts'
export type { DatedEntry, PrekeyRow } from './directory.ts'
export { directory, directoryOf, getPrekeys } from './directory.ts'
export { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded/index.ts'
export { FUNCTIONS } from './function-set.ts'
export { claimNode, type LeaseChange, lifeOf, releaseNode, renewLeases, sweepLeases } from './leases.ts'
export { migrate } from './migrate.ts'
export type { LeaseNews, MeshHead, Waiting } from './other-nodes.ts'
export { putPrekey, putPresence, setHookStatus } from './presence.ts'
export { dropOldFacts, queueDepth, readQueue, reclaimQueue } from './queue.ts'
export type { QueuePage } from './queue-reads.ts'
export type { AppendOutcome, RosterPage } from './roster.ts'
export { appendRoster, createMesh, findInviteMesh, findMember, hasEpochCopies, rosterPage } from './roster.ts'
export type { LiveWindow, SettledRow } from './settle.ts'
export { dropRemoved, expireDue } from './settle.ts'
export { type Stopwatch, systemStopwatch } from './stopwatch.ts'
export { openAsWriter } from './writer-role.ts'
