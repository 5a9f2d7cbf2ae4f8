/** The load process: holds every socket of senders and recipients, so that what is measured has the other core to itself. */
import { insertLoad } from './insert-load.ts'
import { joinMesh, type Pair } from './join-mesh.ts'
import { meshLatency } from './mesh-latency.ts'
import { meshThroughput } from './mesh-throughput.ts'
import { relayThroughput } from './relay-throughput.ts'
import { syncLoad } from './sync-load.ts'

export type Command =
  | { readonly do: 'relay'; readonly port: number; readonly pairs: number; readonly ms: number }
  | { readonly do: 'sync' }
  | { readonly do: 'join'; readonly port: number; readonly pairs: number }
  /** Sends for `ms`, or until `messages` are delivered. */
  | { readonly do: 'throughput'; readonly ms: number; readonly messages?: number | undefined }
  | { readonly do: 'latency'; readonly ms: number; readonly perSecond: number }
  | {
      readonly do: 'insert'
      readonly url: string
      readonly callers: number
      readonly connections: number
      readonly ms: number
    }

/** Messages delivered, or rows inserted, a second. */
export interface Throughput {
  readonly messages: number
  readonly perSecond: number
}
/** From `send` to `deliver`, or of one write that is on disk, ms. */
export interface Latency {
  readonly messages: number
  readonly p50: number
  readonly p99: number
}

/** Serves the parent's commands, one at a time. */
export function load(): void {
  let pairs: Pair[] = []
  const run = async (command: Command): Promise<object> => {
    switch (command.do) {
      case 'relay':
        return relayThroughput(command)
      case 'sync':
        return syncLoad()
      case 'join':
        pairs = await joinMesh(command)
        return { pairs: pairs.length }
      case 'throughput':
        return meshThroughput(pairs, command)
      case 'latency':
        return meshLatency(pairs, command)
      case 'insert':
        return insertLoad(command)
    }
  }
  process.on('disconnect', () => process.exit(0))
  process.on('message', (command: Command) => {
    run(command).then(
      answer => process.send?.(answer),
      (error: Error) => process.send?.({ failed: error.stack ?? String(error) }),
    )
  })
  process.send?.({ ready: true })
}
