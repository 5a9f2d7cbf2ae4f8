/**
 * Everything of one mesh that must survive: the storage a `MeshClient` is given.
 * Plain rows, synchronous methods; what `transaction` groups is durable when it returns, or did not happen.
 * A store belongs to one mesh. Nothing here interprets bytes: rows are opaque to the store.
 */
import type { InboxStore } from './store/inbox-store.ts'
import type { Owner, RecipientKey } from './store/keys.ts'
import type { OutboxStore } from './store/outbox-store.ts'
import type { ReceiptStore, TraceStore } from './store/receipt-store.ts'

export * from './store/inbox-store.ts'
export type { Owner, RecipientKey } from './store/keys.ts'
export * from './store/outbox-store.ts'
export * from './store/receipt-store.ts'

export interface ClientStore {
  /**
   * Runs `work` as one durable transaction; what it throws undoes all of it and is thrown on.
   * Called inside another it joins that one.
   */
  transaction<T>(work: () => T): T
  /**
   * What was erased or overwritten before is in none of the store's files when it returns. Not inside a transaction.
   * False if somebody else reads the files at the moment: to be called again.
   */
  purge(): boolean
  readonly settings: SettingStore
  readonly counters: CounterStore
  readonly roster: RosterStore
  readonly epochs: EpochStore
  readonly prekeys: PrekeyStore
  readonly openers: OpenerStore
  readonly directory: DirectoryStore
  readonly outbox: OutboxStore
  readonly inbox: InboxStore
  readonly receipts: ReceiptStore
  readonly trace: TraceStore
  readonly texts: TextStore
}

/** Texts of inbox and outbox lie in the store under keys of their hour; what is erased can be read from none of its bytes. */
export interface TextStore {
  /**
   * Erases the keys of every hour whose texts are not needed: those of the inbox that were surfaced or read and came before
   * `inboxBefore`, and what left the outbox before this hour. Texts still needed go under the key of the hour of `now`.
   * True if anything was erased: `purge` then cleans the files.
   */
  erase(now: number, inboxBefore: number): boolean
}

/** Small named values; a name is at most 128 characters. */
export interface SettingStore {
  get(name: string): string | undefined
  set(name: string, value: string): void
}

/** Named numbers, 0 until set; a name is at most 256 characters. The caller decides the next value. */
export interface CounterStore {
  get(name: string): number
  set(name: string, value: number): void
}

/** The verified roster; its last entry is the pinned head. */
export interface RosterStore {
  /** JSON of each entry, in order of seq, from 0. */
  entries(): string[]
  /** Number of entries held: the seq of the next. */
  count(): number
  /** JSON of the entries that follow, an object each, at once. Throws unless `seq`, that of the first of them, is the number of entries held. */
  append(seq: number, entries: readonly string[]): void
}

export interface EpochRow {
  readonly number: number
  /** 32 bytes, secret. */
  readonly key: Uint8Array
}
export interface EpochStore {
  all(): EpochRow[]
  put(row: EpochRow): void
}

/** How far one of our prekeys is from being erased. */
export interface PrekeyLife {
  /** ms when the broker first had it; `null` before. */
  readonly publishedAt: number | null
  /** Highest seq of the queue that the broker told of then; 0 before. */
  readonly queuedUpTo: number
  /** ms that its owner has been attached since it was made, summed over connections and restarts. */
  readonly attachedMs: number
}
/** One of our own prekeys; `secret` is x25519 32 ‖ xwing 32. */
export interface PrekeyRow extends PrekeyLife {
  readonly id: Uint8Array
  readonly owner: Owner
  readonly n: number
  /** JSON of the signed bundle. */
  readonly bundle: string
  readonly secret: Uint8Array
}
export interface PrekeyStore {
  all(): PrekeyRow[]
  put(row: PrekeyRow): void
  update(id: Uint8Array, life: PrekeyLife): void
  /** Overwrites the secret, and forgets the openers stored under it. */
  remove(id: Uint8Array): void
}

/** An opener that a sender used and that passed every check, with the certificate it came under. */
export interface OpenerRow {
  readonly owner: Owner
  readonly from: RecipientKey
  readonly prekeyId: Uint8Array
  readonly openerId: Uint8Array
  /** 1,152 bytes. */
  readonly opener: Uint8Array
  /** JSON; `null` for a person's mail, which has none. */
  readonly certificate: string | null
  readonly at: number
}
export interface OpenerStore {
  find(owner: Owner, from: RecipientKey, prekeyId: Uint8Array, openerId: Uint8Array): OpenerRow | undefined
  /** Keyed by (owner, from, prekeyId, openerId); keeps the newest `keep` of (owner, from, prekeyId) by `at`. */
  put(row: OpenerRow, keep: number): void
}

/** What the directory last said of a session, so that names and pins outlive the connection. */
export interface DirectoryRow {
  readonly key: RecipientKey
  /** JSON of the directory entry. */
  readonly entry: string
  readonly at: number
}
export interface DirectoryStore {
  all(): DirectoryRow[]
  put(row: DirectoryRow): void
  remove(key: RecipientKey): void
}
