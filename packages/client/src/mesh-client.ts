/** A mesh member without a face: what it says was accepted, delivered or received stands in its store first. */
import type {
  BrokerFrameOf,
  MeshError,
  PresenceStatus,
  Profile,
  Role,
  StatusSource,
} from '@claudemesh/protocol'
import { assembleCore } from './assemble.ts'
import { type AcceptedLog, acceptLog } from './audit/accept-log.ts'
import type { AcceptedProof } from './audit/accepted.ts'
import type { PinnedHead } from './audit/heads.ts'
import type { Address, Core } from './core.ts'
import { Engine } from './engine.ts'
import { countUnread, findReceived, type InboxAsked, listInbox } from './inbox/list.ts'
import { markRows, noteRows, reportRows } from './inbox/report.ts'
import { retentionOf, setRetention } from './inbox/retention.ts'
import { markTold, type Sent, tellOwn, toldOf } from './inbox/tell-own.ts'
import { Listeners } from './listeners.ts'
import { moveBroker } from './mesh/hosts.ts'
import { type InviteRequest, listInvites, type MadeInvite, makeInvite, revokeInvite } from './mesh/invite.ts'
import { pauseMesh } from './mesh/pause.ts'
import { leaveMesh, removeMember } from './mesh/remove.ts'
import { rename } from './mesh/rename.ts'
import { setRole } from './mesh/role.ts'
import { draftText } from './outbox/compose.ts'
import {
  dropMessage,
  findOutbox,
  findRecipients,
  listOutbox,
  type OutboxAsked,
  retryMessage,
  traceMessage,
} from './outbox/view.ts'
import { type OpenedSession, openParty, requireParty } from './session/open-party.ts'
import { ownerOf, uuidOf } from './session/party.ts'
import type {
  InboxMessage,
  InviteView,
  MemberView,
  MeshClientOptions,
  MeshEvents,
  MeshPause,
  MeshState,
  MeshView,
  OutboxMessage,
  ReportState,
  SendRequest,
  SessionUuids,
  SessionView,
  TraceStep,
} from './types.ts'
import { viewMembers, viewMesh, viewPause, viewPeers } from './views.ts'

export class MeshClient {
  readonly #core: Core
  readonly #engine: Engine
  readonly #webSocket: typeof WebSocket
  readonly #listeners: Listeners

  /** The store holds a seed (`seedStore`). Throws `integrity`. */
  constructor(o: MeshClientOptions) {
    this.#listeners = new Listeners(o.log)
    const { emit } = this.#listeners
    const { random = Math.random, webSocket = WebSocket } = o
    this.#core = assembleCore(o, emit)
    this.#webSocket = webSocket
    this.#engine = new Engine({ core: this.#core, emit, random, webSocket })
  }

  get state(): MeshState {
    return this.#engine.connection.state
  }
  get why(): MeshError | null {
    return this.#engine.connection.why
  }
  /** Who is there was once read to its end: `peers` is not short of anybody for being early. */
  get knowsPeers(): boolean {
    return this.#core.directory.isWhole
  }
  /** Connects, and keeps connecting; everything but what changes the roster works offline too. */
  start(): void {
    this.#engine.start()
  }
  /** Closes the socket; resolves when nothing is under way any more. */
  stop(): Promise<void> {
    return this.#engine.stop()
  }
  /** Answers how to stop listening. A listener's error is logged and disturbs nobody. */
  on<E extends keyof MeshEvents>(event: E, listener: (facts: MeshEvents[E]) => void): () => void {
    return this.#listeners.on(event, listener)
  }

  /** Keeps the session attached from now on, `after` that; it is set up here at once. Resolves when it is, if connected, attached. */
  async openSession(session: OpenedSession, after?: Promise<void>): Promise<void> {
    const party = openParty(this.#core, session)
    if (after) await after
    if (this.#core.parties.has(session.uuid)) await this.#engine.attendance.attach(party)
  }
  /** Its Claude session goes by another UUID from now on: peers are told by its alias, and see one session go on. */
  async setUuids(uuid: string, uuids: SessionUuids): Promise<void> {
    const party = requireParty(this.#core, uuid)
    party.uuids = uuids
    party.certificate = null
    await this.#engine.attendance.attach(party)
  }
  /** Detaches. Mail stays queued at the broker until the session is opened again. */
  async closeSession(uuid: string): Promise<void> {
    await this.#engine.attendance.close(requireParty(this.#core, uuid))
  }
  /** True while the broker holds this session (`null`: the person) as attached here. */
  attached(uuid: string | null): boolean {
    return (this.#core.parties.get(ownerOf(uuid))?.attachment ?? null) !== null
  }
  /** For `POST /hook/set-status` on the broker. */
  hookToken(uuid: string): string | undefined {
    return this.#core.parties.get(uuid)?.hookToken
  }
  setStatus(uuid: string, status: PresenceStatus, source: StatusSource, at: number): void {
    const party = requireParty(this.#core, uuid)
    party.status = { status, source, at }
    void this.#engine.attendance.publish(party)
  }
  setProfile(uuid: string, profile: Profile): void {
    const party = requireParty(this.#core, uuid)
    party.profile = profile
    void this.#engine.attendance.publish(party)
  }

  /** Answers the `msg` once its outbox row stands, written together with whatever else this turn brings. Throws `usage`, `too-large`, `not-found`, `removed`. */
  async send(request: SendRequest): Promise<string> {
    const draft = draftText(this.#core, request)
    const written = this.#core.group.soon(() => this.#engine.outbox.write(draft))
    this.#engine.goOn()
    return written
  }
  /** Somebody waits for what the broker says of this message, until the answer is called: it is told without delay. */
  awaitAnswer(msg: string): () => void {
    this.#core.awaited.add(msg)
    return () => void this.#core.awaited.delete(msg)
  }
  /** Newest first. */
  outbox(filter: OutboxAsked): OutboxMessage[] {
    return listOutbox(this.#core, filter)
  }
  outboxMessage(msg: string): OutboxMessage | undefined {
    return findOutbox(this.#core, msg)
  }
  /** Of a message in the outbox, without its text. */
  recipientsOf(msg: string): OutboxMessage['recipients'] | undefined {
    return findRecipients(this.#core, msg)
  }
  /** Messages that wait for somebody's answer or for the broker. */
  outboxCount(): number {
    return this.#core.store.outbox.countOpen()
  }
  /** A new `msg` for the recipients that were given up; the old one leaves the dead-letter list. Throws `not-found`, `conflict`. */
  retry(msg: string): string {
    const next = retryMessage(this.#core, msg)
    this.#engine.flush()
    return next
  }
  /** Takes the message off the outbox. Throws `not-found`. */
  drop(msg: string): void {
    dropMessage(this.#core, msg)
  }
  /** Every step known of a message, sent or received, oldest first. */
  trace(msg: string): TraceStep[] {
    return traceMessage(this.#core, msg)
  }

  /** Asks the broker to prove that its log holds what it accepted of a message; `trace` shows it from then on. Throws `integrity`, `unreachable`. */
  proveAccepted(msg: string): Promise<AcceptedProof[]> {
    return this.#engine.audit.prove(msg)
  }
  /** The newest signed head of the audit log that was proven to follow all before it; `null` before the first. */
  auditHead(): PinnedHead | null {
    return this.#core.audit.pinned
  }
  /** A page of the log below `size` leaves, as the broker shows it. Throws `bad-field`, `unreachable`. */
  auditPage(from: number, size: number): Promise<BrokerFrameOf<'audit'>> {
    return this.#engine.link.request({ type: 'audit.get', from, size }, 'audit')
  }
  /** Wire JSON of the pinned roster, from the genesis. */
  rosterEntries(): unknown[] {
    return this.#core.store.roster.entries().map(entry => JSON.parse(entry))
  }
  /** The owner's word for the log that a restored broker shows; connects anew. Throws as `acceptLog` of audit/accept-log.ts. */
  async acceptLog(): Promise<AcceptedLog> {
    const accepted = await this.#online(() => acceptLog(this.#core, this.#webSocket))
    await this.#engine.again()
    return accepted
  }

  /** Released messages in order; `uuid` absent = every mailbox, `null` = the person's. */
  inbox(filter: InboxAsked): InboxMessage[] {
    return listInbox(this.#core, filter)
  }
  /** One message of a mailbox, as its sender named it; the newest where several took the same `msg`. */
  received(uuid: string | null, msg: string): InboxMessage | undefined {
    return findReceived(this.#core, uuid, msg)
  }
  /** Released, and neither surfaced nor read. */
  unread(uuid: string | null): number {
    return countUnread(this.#core, uuid)
  }
  /** ms that the text of a message stays here after it came, if it was surfaced or read; 30 days unless set. */
  get retentionMs(): number {
    return retentionOf(this.#core)
  }
  /** Counts for what is there, too. Throws `usage` outside of 1 hour to 3650 days. */
  setRetention(ms: number): void {
    setRetention(this.#core, ms)
  }
  /** Handed to the client's input, by which way; nobody is told. */
  markPushed(uuid: string | null, msgs: readonly string[], way: string): void {
    if (markRows(this.#core, ownerOf(uuid), msgs, 'pushed', way)) this.#engine.flush()
  }
  /** A step for the trace of received messages; nobody is told. */
  note(uuid: string | null, msgs: readonly string[], state: string, why: string): void {
    noteRows(this.#core, ownerOf(uuid), msgs, state, why)
  }
  /** Shown to a reader; nobody is told. */
  markRead(uuid: string | null, msgs: readonly string[]): void {
    if (markRows(this.#core, ownerOf(uuid), msgs, 'read')) this.#engine.flush()
  }
  /** Proven to stand in the model's context; the senders get signed receipts. */
  markSurfaced(uuid: string | null, msgs: readonly string[]): void {
    this.report(uuid, msgs, 'surfaced', '')
  }
  /** Tells the senders, signed: `held` (closed, dnd, budget …), `refused`, `answered`, `surfaced`. Forward only. */
  report(uuid: string | null, msgs: readonly string[], state: ReportState, why: string): void {
    if (reportRows(this.#core, ownerOf(uuid), msgs, state, why.slice(0, 64))) this.#engine.flush()
  }

  /** A note of this machine to one of its sessions, in its mailbox as of kind `note`; nobody is answered for it. What it is `about` counts as told. */
  tellOwn(uuid: string, text: string, about: readonly Sent[]): void {
    tellOwn(this.#core, requireParty(this.#core, uuid).owner, text, about)
  }
  /** The session that sent these knows how they ended. */
  markTold(about: readonly Sent[]): void {
    markTold(this.#core, about)
  }
  /** Keys of the recipients of this message of whom its session was told. */
  toldOf(msg: string): ReadonlySet<string> {
    return toldOf(this.#core, msg)
  }
  /** Session that sent it, `null` for the person; `undefined` where the outbox does not have it. */
  speakerOf(msg: string): string | null | undefined {
    const row = this.#core.store.outbox.message(msg)
    return row && uuidOf(row.owner)
  }

  /** Sessions of the mesh, own ones too, whose certificate checks out. */
  peers(): SessionView[] {
    return viewPeers(this.#core)
  }
  members(): MemberView[] {
    return viewMembers(this.#core)
  }
  /** Fetches the roster as it stands at the broker now. Throws `unreachable`; `integrity` and `removed`, after which everything is halted. */
  refresh(): Promise<void> {
    return this.#engine.following.sync()
  }
  view(): MeshView {
    return viewMesh(this.#core, this.#engine)
  }
  /** Makes an invite and its link; the secret stands in the link alone. Needs a connection. */
  invite(request: InviteRequest): Promise<MadeInvite> {
    return this.#online(() => makeInvite(this.#core, this.#engine.link, request))
  }
  invites(): InviteView[] {
    return listInvites(this.#core)
  }
  /** Throws `not-found`, `conflict`. */
  revokeInvite(id: Uint8Array): Promise<void> {
    return this.#online(() => revokeInvite(this.#core, this.#engine.link, id))
  }
  /** Removes a member and begins the next epoch. Throws `not-found`, `forbidden`, `usage`. */
  remove(member: Uint8Array): Promise<void> {
    return this.#online(() => removeMember(this.#core, this.#engine.link, member))
  }
  /** True if the role was another. Throws `not-found`, `forbidden` (also for the last owner). */
  setRole(member: Uint8Array, role: Role): Promise<boolean> {
    return this.#online(() => setRole(this.#core, this.#engine.link, member, role))
  }
  /** Holds all delivery in the mesh, or lets it go on. True if it was otherwise before. Throws `forbidden`. */
  pauseMesh(paused: boolean): Promise<boolean> {
    return this.#online(() => pauseMesh(this.#core, this.#engine.link, paused))
  }
  /** Since when an owner or admin holds all delivery in the mesh, and who; `null` while it goes on. */
  get paused(): MeshPause | null {
    return viewPause(this.#core)
  }
  /** A new name of 1 to 64 characters, of oneself or of the mesh. Throws `forbidden`. */
  rename(what: 'member' | 'mesh', name: string): Promise<void> {
    return this.#online(() => rename(this.#core, this.#engine.link, what, name))
  }
  /** Names the broker's address in the roster, `url` as `ws(s)://host/ws`, and dials it. Throws `forbidden`, `unreachable`, `unauthenticated`, `integrity`. */
  async moveBroker(address: Address): Promise<void> {
    const { host } = this.#core.address
    await this.#online(() => moveBroker(this.#core, this.#engine.link, this.#webSocket, address))
    if (host !== address.host) this.#engine.connection.redial()
  }
  /** Removes oneself. Throws `forbidden` for the last owner. */
  leave(): Promise<void> {
    return this.#online(() => leaveMesh(this.#core, this.#engine.link))
  }

  async #online<T>(work: () => Promise<T>): Promise<T> {
    const { seq } = this.#core.keeper.roster
    return work().finally(() => this.#engine.rosterGrew(seq))
  }
}
