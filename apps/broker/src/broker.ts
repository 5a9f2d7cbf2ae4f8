/** Everything a frame or a route may reach: made once by the server, passed as an argument, never imported. */
import type { Signer, TreeFrontier } from '@claudemesh/crypto'
import type { BrokerStore } from '@claudemesh/db'
import type { Refusals } from './audit/refusals.ts'
import type { Looked } from './backplane/looked.ts'
import type { Backplane } from './backplane/news.ts'
import type { Clock } from './clock.ts'
import type { Attachment } from './delivery/attachment.ts'
import type { BatchWriter } from './delivery/batch-writer.ts'
import type { PushWindow } from './delivery/push-window.ts'
import type { Rates } from './limits/rates.ts'
import type { Turnstiles } from './limits/turnstiles.ts'
import type { HookLapses } from './presence/hook-lapses.ts'
import type { Meshes } from './roster/meshes.ts'
import type { Settings } from './settings.ts'
import type { Log } from './telemetry/log.ts'
import type { Metrics } from './telemetry/metrics.ts'
import type { Tracing } from './telemetry/tracing.ts'
import type { Connection } from './ws/connection.ts'

export interface Broker {
  readonly settings: Settings
  /** This life of `NODE_NAME`, by which the database knows who holds an attachment. */
  readonly node: string
  readonly key: Signer
  readonly db: BrokerStore
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** Where a collector of spans is named. */
  readonly tracing?: Tracing | undefined
  readonly rates: Rates
  readonly turnstiles: Turnstiles
  readonly meshes: Meshes
  readonly lane: BatchWriter
  readonly window: PushWindow
  readonly backplane: Backplane
  readonly looked: Looked
  /** The round of signing that is under way: rounds follow one another. */
  signing: Promise<void>
  /** Of the logs this node signed last, each at the size of its checkpoint. */
  readonly trees: Map<string, TreeFrontier>
  readonly refusals: Refusals
  readonly hookLapses: HookLapses
  readonly connections: Set<Connection>
  /** Attachments whose end the database could not be told. */
  readonly undetached: Set<Attachment>
  /** `host[:port]` that clients may dial, lower case; known once the port is. */
  hosts: readonly string[]
  draining: boolean
  /** Heartbeats since the database last heard of this node. */
  unanswered: number
}
