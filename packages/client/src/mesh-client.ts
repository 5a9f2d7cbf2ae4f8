/** A mesh member without a face: what it says was accepted, delivered or received stands in its store first. */
import {
  MeshError,
  type PresenceStatus,
  type Profile,
  type Role,
  type StatusSource,
} from '@claudemesh/protocol'
import type { InboxFilter, OutboxFilter } from './store.ts'
import type {
  InboxMessage,
  InviteView,
  MemberView,
  MeshClientOptions,
  MeshEvents,
  MeshState,
  MeshView,
  OutboxMessage,
  ReportState,
  SendRequest,
  SessionIdentity,
  SessionView,
  TraceStep,
} from './types.ts'

const later = (): never => {
  throw new MeshError('unsupported', 'not built yet')
}

export class MeshClient {
  readonly #options: MeshClientOptions
  /** The store must hold the seed of `createMesh` or `joinByInvite` (see `seedStore`). Throws `integrity`. */
  constructor(options: MeshClientOptions) {
    this.#options = options
  }
  get state(): MeshState {
    return later()
  }
  get why(): MeshError | null {
    return later()
  }
  /** Connects, and keeps connecting. Callable before the broker answers; everything below works offline too. */
  start(): void {
    later()
  }
  /** Closes the socket; resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    later()
  }
  on<E extends keyof MeshEvents>(_event: E, _listener: (facts: MeshEvents[E]) => void): () => void {
    return later()
  }
  /** Keeps the session attached from now on; resolves when it is set up here, whether or not a broker answers. */
  async openSession(_session: SessionIdentity & { profile: Profile }): Promise<void> {
    later()
  }
  /** Detaches. Mail stays queued at the broker until the session is opened again. */
  async closeSession(_uuid: string): Promise<void> {
    later()
  }
  /** True while the broker holds this session (`null`: the person) as attached here. */
  attached(_uuid: string | null): boolean {
    return later()
  }
  hookToken(_uuid: string): string | undefined {
    return later()
  }
  setStatus(_uuid: string, _status: PresenceStatus, _source: StatusSource, _at: number): void {
    later()
  }
  setProfile(_uuid: string, _profile: Profile): void {
    later()
  }
  /** Writes the outbox row, then answers its `msg`. Throws `usage`, `too-large`, `not-found`, `removed`. */
  send(_request: SendRequest): string {
    return later()
  }
  outbox(_filter: Omit<OutboxFilter, 'owner'> & { from?: string | null }): OutboxMessage[] {
    return later()
  }
  outboxMessage(_msg: string): OutboxMessage | undefined {
    return later()
  }
  outboxCount(): number {
    return later()
  }
  /** A new `msg` for the recipients that were given up; the old one leaves the dead-letter list. */
  retry(_msg: string): string {
    return later()
  }
  /** Gives up what is still open, takes the message off the list. */
  drop(_msg: string): void {
    later()
  }
  /** Every step known of a message, sent or received, oldest first. */
  trace(_msg: string): TraceStep[] {
    return later()
  }
  /** Released messages in order; `uuid` absent = every mailbox, `null` = the person's. */
  inbox(_filter: Omit<InboxFilter, 'owner'> & { uuid?: string | null }): InboxMessage[] {
    return later()
  }
  unread(_uuid?: string | null): number {
    return later()
  }
  /** Handed to the client's input; nobody is told. */
  markPushed(_uuid: string | null, _msgs: readonly string[]): void {
    later()
  }
  /** Shown to a reader; nobody is told. */
  markRead(_uuid: string | null, _msgs: readonly string[]): void {
    later()
  }
  /** Proven to stand in the model's context; the senders get signed receipts. */
  markSurfaced(_uuid: string | null, _msgs: readonly string[]): void {
    later()
  }
  /** Tells the senders, signed: `held` (closed, dnd, budget …), `refused`, `answered`, `surfaced`. */
  report(_uuid: string | null, _msgs: readonly string[], _state: ReportState, _why: string): void {
    later()
  }
  peers(): SessionView[] {
    return later()
  }
  members(): MemberView[] {
    return later()
  }
  view(): MeshView {
    return later()
  }
  /** Makes an invite and its link; the secret stands in the link alone. */
  async invite(_p: {
    role: Exclude<Role, 'owner'>
    uses: number
    expiresMs: number
  }): Promise<{ link: string; id: Uint8Array; expiresAt: number; uses: number }> {
    return later()
  }
  invites(): InviteView[] {
    return later()
  }
  async revokeInvite(_id: Uint8Array): Promise<void> {
    later()
  }
  /** Removes a member and begins the next epoch. */
  async remove(_member: Uint8Array): Promise<void> {
    later()
  }
  /** Removes oneself. */
  async leave(): Promise<void> {
    later()
  }
}
