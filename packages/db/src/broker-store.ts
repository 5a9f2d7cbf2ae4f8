/** The port between a broker and its storage: every query a broker asks, bound to one database. */
import { attach, detach } from './attach.ts'
import {
  appendAudit,
  auditDue,
  auditLeaves,
  checkpointsIn,
  dropAuditDays,
  ensureAuditDays,
  leafHashes,
  newestCheckpoint,
  putCheckpoint,
  subtreeHashes,
} from './audit.ts'
import { commit } from './commit.ts'
import type { Database } from './database.ts'
import { directory, directoryOf, getPrekeys } from './directory.ts'
import { keepFunctions } from './install-functions.ts'
import { claimNode, releaseNode, renewLeases, sweepLeases } from './leases.ts'
import { changedLeases, clusterId, meshHeads, otherNodes, waitingAt } from './other-nodes.ts'
import { putPrekey, putPresence, setHookStatus } from './presence.ts'
import { run } from './query.ts'
import { dropOldFacts, queueDepth, readQueue, reclaimQueue } from './queue.ts'
import { appendRoster, createMesh, findInviteMesh, hasEpochCopies, rosterPage, rosterText } from './roster.ts'
import { dropRemoved, expireDue } from './settle.ts'

/** Resolves when the database answers. Throws `unavailable` when it is gone. */
async function answers(db: Database): Promise<void> {
  await run(db.sql`select 1`)
}

const QUERIES = {
  answers,
  appendAudit,
  appendRoster,
  attach,
  auditDue,
  auditLeaves,
  changedLeases,
  checkpointsIn,
  claimNode,
  clusterId,
  commit,
  createMesh,
  detach,
  directory,
  directoryOf,
  dropAuditDays,
  dropOldFacts,
  dropRemoved,
  ensureAuditDays,
  expireDue,
  findInviteMesh,
  getPrekeys,
  hasEpochCopies,
  keepFunctions,
  leafHashes,
  meshHeads,
  newestCheckpoint,
  otherNodes,
  putCheckpoint,
  putPrekey,
  putPresence,
  queueDepth,
  readQueue,
  reclaimQueue,
  releaseNode,
  renewLeases,
  rosterPage,
  rosterText,
  setHookStatus,
  subtreeHashes,
  sweepLeases,
  waitingAt,
}

type Bound<Query> = Query extends (db: Database, ...rest: infer Rest) => infer Answer
  ? (...rest: Rest) => Answer
  : never

/** What a broker asks of its storage: each call is one transaction, documented at the query of the same name. */
export type BrokerStore = { readonly [Name in keyof typeof QUERIES]: Bound<(typeof QUERIES)[Name]> } & {
  /** Nothing is asked after it. */
  close(): Promise<void>
}

/** The queries of a broker on one open database; `close` closes it. */
export function brokerStore(db: Database): BrokerStore {
  const bound = Object.entries(QUERIES).map(([name, query]) => [
    name,
    (...rest: never[]) => (query as (db: Database, ...rest: never[]) => unknown)(db, ...rest),
  ])
  return { ...Object.fromEntries(bound), close: () => db.close() } as BrokerStore
}
