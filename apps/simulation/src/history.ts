/** What a history says: every promise as it was made, in order, and what stood in the stores at the end. Keys are `recipientKey`s. */

/** Told to a sender about one recipient of one message, by its own client. */
interface Told {
  readonly type: 'told'
  readonly from: string
  readonly to: string
  readonly msg: string
  readonly state: string
  readonly why: string | null
}

export type HistoryEvent =
  /** A client took a message into its outbox. */
  | {
      readonly type: 'sent'
      readonly from: string
      readonly to: readonly string[]
      readonly msg: string
      readonly ttlMs: number
    }
  /** An envelope stands in the broker's database. */
  | { readonly type: 'committed'; readonly id: string; readonly seq: number }
  /** The broker told a client that it took an envelope. */
  | { readonly type: 'accepted'; readonly id: string; readonly seq: number }
  /** The broker handed out an item of a queue. */
  | {
      readonly type: 'deliver'
      readonly to: string
      readonly attachment: number
      readonly seq: number
      readonly id: string
    }
  /** A client said that all up to `upTo` stands in its store. */
  | { readonly type: 'acked'; readonly to: string; readonly attachment: number; readonly upTo: number }
  /** A message stands in its receiver's store, committed. */
  | { readonly type: 'stored'; readonly to: string; readonly from: string; readonly msg: string }
  /** A message was handed to whoever reads the mailbox. */
  | {
      readonly type: 'released'
      readonly to: string
      readonly from: string
      readonly msg: string
      /** It came after its place had been given up. */
      readonly late: boolean
    }
  /** A message stood in a model's context. */
  | { readonly type: 'shown'; readonly to: string; readonly msg: string }
  | Told
  /** A member was removed from the mesh: `member` is its key. */
  | { readonly type: 'removed'; readonly member: string }
  /** What a nemesis did, for who reads the history. */
  | { readonly type: 'nemesis'; readonly what: string }
  /** A part of the product said that it broke. */
  | { readonly type: 'broke'; readonly what: string }

export type Recorded = HistoryEvent & {
  /** ms since 1970, of true time. */
  readonly at: number
}

/** What stands at the end, when everything is up and quiet. */
export interface Ending {
  readonly outbox: readonly {
    readonly from: string
    readonly to: string
    readonly msg: string
    readonly state: string
    readonly endsAt: number
  }[]
  readonly inbox: readonly {
    readonly to: string
    readonly from: string
    readonly msg: string
    readonly released: boolean
  }[]
  /** Roster head that each machine and the broker hold, hex; of members that were removed none. */
  readonly heads: Readonly<Record<string, string>>
  /** How each session is shown to each machine, and what the broker knows of it. */
  readonly leases: readonly {
    readonly seenBy: string
    readonly session: string
    readonly lease: string
    readonly is: string
  }[]
  /** The fault that the verifier of `claudemesh audit verify` found in the broker's log. */
  readonly auditFault: string | null
  /** Rows that still wait in the broker's queues of members that stand. */
  readonly queued: number
  /** Machines of standing members that are not online, and why. */
  readonly offline: readonly string[]
}

export interface History {
  readonly events: readonly Recorded[]
  readonly ending: Ending
}
