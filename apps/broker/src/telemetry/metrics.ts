/** What /metrics shows. The hot path adds to plain numbers and observes per batch; Prometheus reads them when it asks. */

import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Backplane } from '../backplane/news.ts'

const SECONDS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]

export interface Metrics {
  /** Only ever growing; read at scrape. */
  readonly count: {
    framesIn: number
    framesOut: number
    bytesIn: number
    bytesOut: number
    accepted: number
    delivered: number
    redelivered: number
    acked: number
    /** What those held that were acked where they were delivered. */
    ackedBytes: number
    expired: number
    dropped: number
  }
  batch(rows: number, commitMs: number): void
  /** From the arrival of the oldest frame of a batch to its last push. */
  pushed(ms: number): void
  refused(reason: string): void
  text(): Promise<string>
  readonly contentType: string
}

/** `gauges` are asked at every scrape. */
export function openMetrics(gauges: {
  connections(): number
  attachments(): number
  waiting(): number
  queued(): Promise<number>
  nodes(): number
  backplane: Pick<Backplane, 'state' | 'count'>
}): Metrics {
  const { backplane } = gauges
  const registers = [new Registry()]
  const registry = registers[0]!
  const count = {
    framesIn: 0,
    framesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    accepted: 0,
    delivered: 0,
    redelivered: 0,
    acked: 0,
    ackedBytes: 0,
    expired: 0,
    dropped: 0,
  }
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name: `claudemesh_${name}_total`,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  counter('frames_in', 'Frames received.', () => count.framesIn)
  counter('frames_out', 'Frames sent.', () => count.framesOut)
  counter('bytes_in', 'Bytes of frames received.', () => count.bytesIn)
  counter('bytes_out', 'Bytes of frames sent.', () => count.bytesOut)
  counter('accepted', 'Envelopes committed.', () => count.accepted)
  counter('delivered', 'Envelopes and facts handed to sockets, once per recipient.', () => count.delivered)
  counter('redelivered', 'Rounds of redelivery.', () => count.redelivered)
  counter('acked', 'Deliveries acked and deleted.', () => count.acked)
  counter('acked_bytes', 'Bytes of deliveries that were acked.', () => count.ackedBytes)
  counter('expired', 'Deliveries that ran out.', () => count.expired)
  counter('dropped', 'Deliveries dropped with a removed member.', () => count.dropped)
  counter('news_in', 'Messages of other nodes that were taken.', () => backplane.count.in)
  counter('news_out', 'Messages told to other nodes.', () => backplane.count.out)
  counter(
    'news_refused',
    'Messages over NATS that no node of this broker wrote.',
    () => backplane.count.refused,
  )
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name: `claudemesh_${name}`,
      help,
      registers,
      async collect() {
        this.set(await read())
      },
    })
  gauge('connections', 'Open sockets.', gauges.connections)
  gauge('attachments', 'Recipients attached here.', gauges.attachments)
  gauge('lane_waiting', 'Rows that wait for their commit.', gauges.waiting)
  gauge('queue_depth', 'Deliveries that wait in the database.', gauges.queued)
  gauge('nodes', 'Nodes of this broker that were alive at the last look, itself counted.', gauges.nodes)
  gauge('backplane_connected', '1 while nodes hear each other over NATS.', () =>
    backplane.state === 'connected' ? 1 : 0,
  )
  gauge('memory_bytes', 'Memory of the process, bytes.', () => process.memoryUsage.rss())
  const batchRows = new Histogram({
    name: 'claudemesh_batch_rows',
    help: 'Rows of a commit.',
    registers,
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  })
  const commit = new Histogram({
    name: 'claudemesh_commit_seconds',
    help: 'Time of a commit.',
    registers,
    buckets: SECONDS,
  })
  const deliver = new Histogram({
    name: 'claudemesh_deliver_seconds',
    help: 'Time from the arrival of the oldest frame of a batch to its last push.',
    registers,
    buckets: SECONDS,
  })
  const refusals = new Counter({
    name: 'claudemesh_refusals_total',
    help: 'Refusals by reason.',
    labelNames: ['reason'],
    registers,
  })
  return {
    count,
    batch(rows, ms) {
      batchRows.observe(rows)
      commit.observe(ms / 1000)
    },
    pushed: ms => deliver.observe(ms / 1000),
    refused: reason => refusals.inc({ reason }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
