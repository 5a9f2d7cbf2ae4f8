/** What the parent may ask of the load process, and what comes back. */
import type { Signer } from '@claudemesh/crypto'
import type { Recipient } from '@claudemesh/protocol'

export type Command =
  | {
      readonly do: 'relay'
      readonly port: number
      readonly pairs: number
      readonly ms: number
      readonly bodyBytes?: number | undefined
      /** Frames under way per sender. */
      readonly window?: number | undefined
    }
  | { readonly do: 'sync' }
  | { readonly do: 'join'; readonly port: number; readonly pairs: number }
  /** Sends for `ms`, or until `messages` are delivered. */
  | { readonly do: 'throughput'; readonly ms: number; readonly messages?: number | undefined }
  | { readonly do: 'latency'; readonly ms: number; readonly perSecond: number; readonly each?: boolean }
  /** A mesh of its own, of this shape, ready for `shape-throughput`. */
  | ({ readonly do: 'shape'; readonly port: number } & Shape)
  | ({ readonly do: 'shape-throughput'; readonly ms: number } & Flow)
  | {
      readonly do: 'insert'
      readonly url: string
      readonly callers: number
      readonly connections: number
      readonly ms: number
    }
  /** Both at a steady rate, one frame or row a message. */
  | {
      readonly do: 'relay-latency'
      readonly port: number
      readonly pairs: number
      readonly ms: number
      readonly perSecond: number
    }
  | {
      readonly do: 'insert-latency'
      readonly url: string
      /** By a statement that is parsed once, one round trip a row; else through the ORM, which parses each and takes two. */
      readonly prepared: boolean
      readonly connections: number
      readonly ms: number
      readonly perSecond: number
    }
  /** A stream on a nats-server, with as many pairs. */
  | { readonly do: 'jetstream-join'; readonly url: string; readonly pairs: number }
  /** As many pairs on a redis-server, each with a stream. */
  | { readonly do: 'redis-join'; readonly url: string; readonly pairs: number }
  /** Sends through whichever was joined last. */
  | { readonly do: 'rival-throughput'; readonly ms: number }
  | { readonly do: 'rival-latency'; readonly ms: number; readonly perSecond: number }
  /** Founds a mesh with this past; the broker is to be started anew behind it. */
  | {
      readonly do: 'history'
      readonly port: number
      readonly url: string
      readonly members: number
      readonly entries: number
    }
  /** Attaches so many sessions to meshes of their own, for good. */
  | { readonly do: 'idle'; readonly port: number; readonly sessions: number }
  /** All of those lose their sockets at once and come back. */
  | { readonly do: 'storm' }
  /** Founds a mesh that others take seats in: a `MeshPlace`. */
  | { readonly do: 'found'; readonly port: number }
  /** Attaches recipients that ack all they get: whom to write to, `Recipient`s. */
  | { readonly do: 'readers'; readonly place: MeshPlace; readonly sessions: number }
  /** They lose their sockets. */
  | { readonly do: 'readers-cut' }
  /** They are attached again. */
  | { readonly do: 'readers-back' }
  /** Until they got so many in all. */
  | { readonly do: 'read'; readonly messages: number }
  /** To one of these each, or to all, `messages` in all or for `ms`. */
  | ({
      readonly do: 'write'
      readonly place: MeshPlace
      readonly to: readonly Recipient[]
      readonly messages?: number | undefined
      readonly ms?: number | undefined
      readonly fan: Shape['fan']
      readonly senders: number
      readonly bodyBytes: number
    } & Flow)
  /** Attaches so many sessions to that mesh. */
  | { readonly do: 'crowd'; readonly sessions: number }

/** Where a mesh is and who owns it: enough for another process to take seats in it. */
export interface MeshPlace {
  readonly port: number
  readonly mesh: Uint8Array
  /** Of its roster, two entries long. */
  readonly head: Uint8Array
  readonly member: Signer
}

/** Who writes to whom. */
export interface Shape {
  readonly senders: number
  readonly receivers: number
  /** Every sender to all receivers by one envelope, or each to one of them. */
  readonly fan: 'all' | 'one'
  readonly bodyBytes: number
}
/** How much a sender says at once. */
export interface Flow {
  /** Envelopes of a frame. */
  readonly perFrame: number
  /** Envelopes under way per sender; a multiple of `perFrame`. */
  readonly window: number
}

/** Messages delivered, or rows inserted, a second. */
export interface Throughput {
  readonly messages: number
  readonly perSecond: number
}
/** Envelopes of a `write`. */
export interface Written {
  readonly accepted: number
  readonly refused: number
}
/** How a crowd came back. */
export interface Storm {
  readonly sessions: number
  /** Until the last was attached again, ms. */
  readonly ms: number
  /** Tries that the broker refused or cut off. */
  readonly refused: number
}
/** From `send` to `deliver`, or of one write that is on disk, ms. */
export interface Latency {
  readonly messages: number
  readonly p50: number
  readonly p99: number
  /** Every one of them, rising, where that was asked for. */
  readonly took?: readonly number[] | undefined
}
