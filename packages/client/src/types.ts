/** What a `MeshClient` is given and what it shows: plain data, keys as bytes, times in ms since 1970. */
import type { Signer } from '@claudemesh/crypto'
import type { AgreementSecret } from '@claudemesh/crypto/sealing'
import type {
  AgreementBundle,
  FormerUuid,
  Lease,
  MeshError,
  PresenceStatus,
  Priority,
  Profile,
  Recipient,
  Role,
  StatusSource,
} from '@claudemesh/protocol'
import type { MeshSeed } from './mesh/seed.ts'
import type { ClientStore, InboxState, OutboxState } from './store.ts'

export interface MeshIdentity {
  readonly mesh: Uint8Array
  /** `ws://host/ws` or `wss://host/ws`. */
  readonly url: string
  /** host or host:port as dialled, one of the broker's public hosts; signed in `hello`. */
  readonly host: string
  readonly member: Signer
  readonly agreement: { readonly bundle: AgreementBundle; readonly secret: AgreementSecret }
}
export interface SessionIdentity {
  /** What this client calls it and its mailbox, for ever: the first UUID of its Claude session, lower case. */
  readonly uuid: string
  readonly signer: Signer
  /** Where its Claude session goes by another UUID now. */
  readonly uuids?: SessionUuids
}
/** What peers are told a session is called. */
export interface SessionUuids {
  /** The Claude session UUID, lower case. */
  readonly uuid: string
  /** Those it had before, oldest first; the newest 16 are told. */
  readonly former: readonly FormerUuid[]
}

/** Runs `work` once after `ms`; the answer cancels it. */
export type Schedule = (ms: number, work: () => void) => () => void
/** Calls `work` once whatever else came in this turn of the event loop was handled. */
export type Turn = (work: () => void) => void
export type Log = (event: string, facts?: Record<string, unknown>) => void

/** A text as it comes, before it is stored. */
export interface Arrival {
  /** Mailbox: the session's UUID, or `null` for the person. */
  readonly uuid: string | null
  /** Base64url of the sender's member key. */
  readonly member: string
  /** It went to others too, or was addressed to a group. */
  readonly several: boolean
  /** 0 to 255, as its sender says. */
  readonly hops: number
}
export type Refuses = (arrival: Arrival) => string | null

export interface MeshClientOptions {
  readonly identity: MeshIdentity
  readonly store: ClientStore
  /** What was just written into the store: its verified roster is taken over, and changes from then on. Left out, the store is read. */
  readonly seed?: MeshSeed
  readonly now: () => number
  readonly log: Log
  /** Default: the global one. */
  readonly webSocket?: typeof WebSocket
  /** Default: `setTimeout`. */
  readonly schedule?: Schedule
  /** Default: `setImmediate`, where there is none a timeout of 0. */
  readonly turn?: Turn
  /** Why a text that has just been opened is not taken, a word of at most 64 characters; `null` = it is. Default: all are. */
  readonly refuses?: Refuses
  /** 0 ≤ x < 1, for jitter only. Default: `Math.random`. */
  readonly random?: () => number
}

export type MeshState = 'connecting' | 'online' | 'offline' | 'stopped' | 'removed'

export interface MeshEvents {
  state: { readonly state: MeshState; readonly why: MeshError | null }
  /** Released messages, committed; in order. */
  inbox: { readonly uuid: string | null; readonly messages: readonly InboxMessage[] }
  /** One recipient of one message came to another state, committed. */
  outbox: {
    readonly msg: string
    readonly to: Recipient
    readonly state: OutboxState
    readonly why: string | null
  }
  presence: { readonly recipient: Recipient }
  /** A page of who is there came, and is taken next: roster and log are known to be the broker's then. */
  directory: { readonly isLast: boolean }
  roster: { readonly seq: number }
}

export interface SendRequest {
  /** UUID of the session that speaks; `null` = the person. */
  readonly from: string | null
  /** 1 or more, nobody twice; above 256 they travel in several envelopes of one `msg`. */
  readonly to: readonly Recipient[]
  readonly text: string
  readonly priority: Priority
  readonly ttlMs: number
  readonly replyTo: string | null
  readonly threadId: string | null
  /** 0 (as where absent) to 255: turns of agents that led to it without a person in between. */
  readonly hops?: number
  /** It is addressed to a group or to everybody. */
  readonly group?: boolean
}

export interface OutboxMessage {
  readonly msg: string
  readonly from: string | null
  readonly kind: string
  /** `null` once nobody needs it any more, and where it is damaged. */
  readonly payload: unknown
  readonly priority: Priority
  readonly composedAt: number
  readonly endsAt: number
  readonly dead: boolean
  readonly recipients: readonly {
    readonly to: Recipient
    readonly state: OutboxState
    readonly why: string | null
    readonly at: number
  }[]
}

export interface InboxMessage {
  /** Mailbox: the session's UUID, or `null` for the person. */
  readonly uuid: string | null
  readonly from: Recipient
  readonly msg: string
  readonly id: string
  readonly kind: string
  /** What the kind says; of the sender, so not to be trusted in shape unless `kind` is `text`. `null` once it was erased, and where it is damaged. */
  readonly payload: unknown
  /** It came whole, and lies in the store so that it cannot be read any more. */
  readonly damaged: boolean
  readonly priority: Priority
  readonly composedAt: number
  readonly sentAt: number
  readonly receivedAt: number
  readonly state: InboxState
  /** Order of release within the mailbox. */
  readonly position: number
  readonly late: boolean
  /** Messages of this sender before this one are missing. */
  readonly gap: boolean
  /** Said by this machine itself (`tellOwn`), by nobody else. */
  readonly local: boolean
}

/** What the receiving side tells the sender of a message, beyond `delivered`. */
export type ReportState = 'surfaced' | 'answered' | 'held' | 'refused'

export interface TraceStep {
  readonly at: number
  readonly state: string
  /** `me`, `broker`, or the peer whose signed receipt it is. */
  readonly by: 'me' | 'broker' | Recipient
  readonly to: Recipient | null
  readonly why: string | null
  readonly verified: boolean
}

/** One session as its verified certificate, presence and profile show it. */
export interface SessionView {
  readonly recipient: Recipient
  readonly uuid: string
  /** UUIDs that it proved to have had before. */
  readonly former: readonly string[]
  readonly memberName: string
  readonly role: Role
  readonly lease: Lease
  readonly leaseAt: number
  readonly status: PresenceStatus
  readonly source: StatusSource
  readonly statusAt: number
  /** `null` where no presence was published or its epoch key is not ours. */
  readonly profile: Profile | null
  /** The status shown is signed by the session. */
  readonly signed: boolean
  readonly self: boolean
}
export interface MemberView {
  readonly key: Uint8Array
  readonly name: string
  readonly role: Role
  readonly joinedAt: number
  readonly self: boolean
}
export interface InviteView {
  readonly id: Uint8Array
  readonly role: Role
  readonly expiresAt: number
  readonly uses: number
  readonly used: number
  readonly by: Uint8Array
  readonly byName: string
  readonly state: 'open' | 'used' | 'expired' | 'revoked' | 'void'
}
export interface MeshPause {
  readonly since: number
  readonly by: Uint8Array
  /** Empty where that member has left. */
  readonly byName: string
}
export interface MeshView {
  readonly mesh: Uint8Array
  readonly name: string
  /** Where the broker is dialled. */
  readonly url: string
  readonly host: string
  readonly member: Uint8Array
  readonly memberName: string
  readonly role: Role | null
  readonly members: number
  readonly rosterSeq: number
  readonly epoch: number
  /** Broker's clock minus ours at the last exchange; `null` before one. */
  readonly clockOffsetMs: number | null
  /** No other member's signed word bore out our roster since, for over 12 h; `null` where all is well. ms since 1970. */
  readonly unconfirmedSince: number | null
  readonly problems: readonly { readonly code: string; readonly message: string }[]
}
