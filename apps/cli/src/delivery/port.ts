/** The two faces of delivery: what it needs of the daemon, and what it is told and asked. */
import type { InboxMessage } from '../api/schema.ts'
import type { HeldWhy } from './gate.ts'
import type { LadderView } from './ladder.ts'
import type { Way } from './rungs.ts'

/** What delivery needs of the daemon. Ids are those of `InboxMessage`. */
export interface DeliveryPort {
  /** Not surfaced and not read yet, in release order; what is held (gate.ts) is left out. */
  waiting(uuid: string): InboxMessage[]
  /** What a session in mode `inbox` has not looked at; none in other modes. */
  toAnnounce(uuid: string): InboxMessage[]
  /** Handed to the client: no proof yet. */
  pushed(uuid: string, ids: string[], way: Way): void
  /** Was handed over and is not known to have arrived. */
  unconfirmed(uuid: string, ids: string[], way: Way): void
  /** Stood in the model's context. */
  surfaced(uuid: string, ids: string[], proof: 'hook' | 'transcript'): void
  held(uuid: string, ids: string[], why: HeldWhy): void
  log(event: string, facts?: Record<string, unknown>): void
  now(): number
}

export interface Delivery {
  /** `claudeId`: the UUID that Claude has for it, where it is another. */
  opened(session: { uuid: string; claudeId?: string; claudeConfigDir?: string }): void
  closed(uuid: string): void
  /** New mail, or something held was released. */
  wake(uuid: string): void
  /** A hook of the session; returns the hook's output. Throws only what the port throws. */
  hook(uuid: string, payload: unknown): object
  /**
   * An asyncRewake hook of the session waits: resolves with what shall wake it, or with `undefined` when it is not needed any
   * more; the newest alone lives.
   */
  waiter(uuid: string, gone: AbortSignal): Promise<string | undefined>
  /** The session's model asked for these new ones by the inbox tool. False where nobody watches the session for the proof. */
  asked(uuid: string, ids: string[]): boolean
  /** By which rung the session is reached and why; `undefined` for one that is not open. */
  ladder(uuid: string): LadderView | undefined
  stop(): void
}
