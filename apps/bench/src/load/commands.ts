/** What the parent may ask of the load process, and what comes back. */

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
  /** A stream on a nats-server, with as many pairs. */
  | { readonly do: 'jetstream-join'; readonly url: string; readonly pairs: number }
  | { readonly do: 'jetstream-throughput'; readonly ms: number }
  | { readonly do: 'jetstream-latency'; readonly ms: number; readonly perSecond: number }
  /** Founds a mesh with this past; the broker is to be started anew behind it. */
  | {
      readonly do: 'history'
      readonly port: number
      readonly url: string
      readonly members: number
      readonly entries: number
    }
  /** Attaches so many sessions to that mesh. */
  | { readonly do: 'crowd'; readonly sessions: number }

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
