/** The life of a member on the wire: what happens on every connection, and what time alone makes due. */
import { recipientKey } from '@claudemesh/crypto'
import { type BrokerFrame, equalBytes, MeshError, TIMES, toBase64url } from '@claudemesh/protocol'
import { AwaitOwner } from './audit/await-owner.ts'
import { AuditFollower } from './audit/follow.ts'
import type { Emit } from './commit.ts'
import { dialMember } from './connection/dial-member.ts'
import type { Link } from './connection/link.ts'
import { Reconnect } from './connection/reconnect.ts'
import type { Core } from './core.ts'
import { keepHouse } from './housekeeping.ts'
import { Inbox } from './inbox/inbox.ts'
import { Outbox } from './outbox/outbox.ts'
import { RESEALED_FOR } from './outbox/reseal.ts'
import { sendReceipts } from './receipts/send.ts'
import { Following } from './roster/following.ts'
import { requireNamedBroker, requireStanding } from './roster/standing.ts'
import { Attendance } from './session/attendance.ts'

export interface EngineOptions {
  readonly core: Core
  readonly emit: Emit
  readonly random: () => number
  readonly webSocket: typeof WebSocket
}

export class Engine {
  readonly #core: Core
  readonly #o: EngineOptions
  readonly outbox: Outbox
  readonly inbox: Inbox
  readonly connection: Reconnect
  readonly problems = new Map<string, string>()
  clockOffsetMs: number | null = null
  readonly following: Following
  readonly audit: AuditFollower
  readonly attendance: Attendance
  #stopHousekeeping = (): void => {}

  constructor(o: EngineOptions) {
    this.#o = o
    this.#core = o.core
    const { core } = o
    this.following = new Following(core, {
      link: () => this.connection.link,
      grew: began => this.rosterGrew(began),
      halt: error => this.#halt(error),
      problem: (code, message) => this.problem(code, message),
      solved: code => this.problems.delete(code),
    })
    const sync = () => this.following.sync()
    this.outbox = new Outbox(core, {
      syncRoster: sync,
      attachAgain: party => void this.attendance.attach(party),
      giveWay: party => this.attendance.giveWay(party),
      clockWrong: time => this.#heardTime(time),
    })
    this.attendance = new Attendance(core, {
      link: () => this.connection.link,
      attached: party => {
        this.outbox.attached(party.owner)
        this.flush()
      },
      problem: (code, message) => this.problem(code, message),
      solved: code => this.problems.delete(code),
    })
    this.audit = new AuditFollower(core, {
      link: () => this.connection.link,
      halt: error => this.#halt(error),
      problem: (code, message) => this.problem(code, message),
    })
    this.inbox = new Inbox(core, this.outbox, {
      syncRoster: sync,
      flush: () => this.flush(),
      flushAside: () => this.#core.group.lastAside(this.#flushing),
      heard: () => this.audit.heard(),
      unwritten: error => this.#unwritten(error),
    })
    const awaitOwner = new AwaitOwner(core, {
      webSocket: o.webSocket,
      random: o.random,
      grew: began => this.rosterGrew(began),
      again: () => void this.again(),
    })
    this.connection = new Reconnect({
      now: core.now,
      schedule: core.schedule,
      random: o.random,
      log: core.log,
      dial: (heard, abort) => this.#dial(heard, abort),
      onUp: link => this.#up(link),
      onDown: () => this.#down(),
      onTime: time => this.#heardTime(time),
      onState: (state, why) => {
        awaitOwner.state(state, why)
        o.emit('state', { state, why })
      },
    })
  }

  start(): void {
    const { frozen } = this.#core.claims
    if (frozen) this.#halt(frozen)
    else this.connection.start()
    this.#stopHousekeeping = keepHouse(this.#core, {
      isOnline: () => this.connection.state === 'online',
      renew: party => void this.attendance.attach(party),
      erased: prekeys => this.inbox.forgetPairs(prekeys),
      dropPairs: () => this.outbox.pairs.dropEnded(),
      flush: () => this.flush(),
      chores: () => void this.following.chores(),
      waited: ms => {
        this.following.waited(ms)
        this.audit.waited(ms)
      },
    })
  }

  /** Connects anew after a person has looked at what stopped it. */
  async again(): Promise<void> {
    await this.connection.stop()
    this.connection.start()
  }

  async stop(): Promise<void> {
    this.#stopHousekeeping()
    await this.connection.stop()
    this.#core.group.run()
    await this.inbox.settled()
    this.inbox.stop()
    // The receipts of what was still stored.
    this.#core.group.run()
  }

  problem(code: string, message: string): void {
    if (this.problems.get(code) === message) return
    this.problems.set(code, message)
    this.#core.log('problem', { code, message })
  }

  /** Throws `unreachable` while there is no connection. */
  get link(): Link {
    const { link } = this.connection
    if (!link) throw new MeshError('unreachable', 'there is no connection to the broker')
    return link
  }

  /** Whatever can go out goes out. */
  goOn(): void {
    this.#core.group.last(this.#sealing)
  }
  /** Receipts that are due become messages, and whatever can go out goes out. */
  flush(): void {
    this.#core.group.last(this.#flushing)
  }
  readonly #sealing = this.#sending(() => this.outbox.seal())
  readonly #flushing = this.#sending(() => {
    sendReceipts(this.#core, draft => this.outbox.write(draft))
    this.outbox.seal()
  })
  #sending(work: () => void) {
    return {
      work,
      done: () => {
        this.problems.delete('store')
        this.outbox.goOn().catch(error => this.#unwritten(error))
      },
      failed: (error: unknown) => this.#unwritten(error),
    }
  }
  /** A store that cannot write: what was not written was not told either, and is looked at again. */
  #unwritten(error: unknown): void {
    this.problem('store', `what was to be stored could not be: ${String(error)}`)
  }

  /** Told after whatever fetched entries: what hangs on the roster follows it. */
  rosterGrew(began: number): void {
    const { keeper, directory, parties } = this.#core
    if (keeper.roster.seq === began) return
    this.#o.emit('roster', { seq: keeper.roster.seq })
    directory.reopen()
    for (const entry of directory.takeEarly()) this.#presence(entry)
    if (keeper.roster.epoch.beganSeq > began)
      for (const party of parties.values()) void this.attendance.publish(party)
    this.flush()
  }

  #halt(error: MeshError): void {
    this.outbox.halt()
    this.connection.halt(error)
  }

  async #dial(heard: () => void, abort: AbortSignal): Promise<Link> {
    let live: Link | undefined
    live = await dialMember(this.#core, this.#o.webSocket, {
      onFrame: frame => this.#frame(frame),
      onData: frame => live && this.inbox.take(live, frame),
      onHeard: heard,
      abort,
    })
    return live
  }

  async #up(link: Link): Promise<void> {
    const { keeper, claims, directory, parties } = this.#core
    this.#heardTime(link.welcome.time)
    if (!equalBytes(link.welcome.mesh, this.#core.identity.mesh))
      throw new MeshError('integrity', 'the broker welcomed into another mesh')
    const { rosterSeq, rosterHead, checkpoint, copiesMissing } = link.welcome
    keeper.copiesMissing = copiesMissing === true
    const signed = checkpoint !== null && claims.hearCheckpoint(checkpoint)
    if (
      signed ||
      claims.awaited ||
      rosterSeq !== keeper.roster.seq ||
      !keeper.holds(rosterSeq, rosterHead) ||
      keeper.wanted <= keeper.roster.seq
    )
      await this.following.sync()
    requireStanding(this.#core)
    requireNamedBroker(keeper, link)
    await this.audit.up(link)
    await this.#lookAround(link)
    await this.attendance.compareOwn(link)
    this.outbox.up(link)
    await Promise.all([...parties.values()].map(party => this.attendance.attach(party)))
    for (const { recipient } of directory.sessions(this.#core.identity.member.publicKey))
      this.outbox.targets.heard(recipientKey(recipient), directory.leaseOf(recipientKey(recipient)))
    this.flush()
    void this.following.chores()
  }

  /** Everybody who is there. */
  async #lookAround(link: Link): Promise<void> {
    const came = (isLast: boolean) => this.#o.emit('directory', { isLast })
    if (await this.#core.directory.load(link, came)) await this.following.sync()
  }

  /** Times are judged everywhere: a clock that is off is told, one that agrees again seals again. */
  #heardTime(time: number): void {
    const { now, parties } = this.#core
    this.clockOffsetMs = time - now()
    const off = Math.abs(this.clockOffsetMs)
    if (off > TIMES.idSkewMs)
      this.problem('clock', `this clock and the broker's are ${Math.round(off / 1000)} s apart`)
    else if (this.problems.delete('clock') && this.connection.state === 'online') {
      this.outbox.resume()
      for (const party of parties.values()) void this.attendance.attach(party)
      void this.#lookAgain()
    }
  }

  /** By a clock that was off, what others said of themselves was not of its time, and was not believed. */
  async #lookAgain(): Promise<void> {
    try {
      await this.#lookAround(this.link)
    } catch (error) {
      // With the connection gone the next one looks.
      this.#core.log('directory.failed', { message: String(error) })
    }
  }

  #down(): void {
    this.outbox.down()
    this.inbox.down()
    this.#core.directory.offline()
    this.attendance.down()
  }

  #frame(frame: BrokerFrame): void {
    const { log } = this.#core
    if (frame.type === 'presence') this.#presence(frame.entry)
    else if (frame.type === 'roster.changed') this.following.changed(frame.seq)
    else if (frame.type === 'checkpoint') {
      this.following.checkpoint(frame.note)
      this.audit.told(frame.note)
    } else if (frame.type === 'draining') this.connection.draining(frame.retryAfterMs)
    else if (frame.type === 'replaced') this.attendance.replaced(frame.recipient, frame.attachment)
    else if (frame.type === 'error') log('broker.error', { code: frame.code, message: frame.message })
  }

  #presence(entry: Parameters<Core['directory']['hear']>[0]): void {
    const { directory, store, now } = this.#core
    const heard = this.#core.commit.run(() => directory.hear(entry))
    if (!heard) {
      this.following.changed(entry.certificate.rosterSeq)
      return
    }
    const { recipient, fetch } = heard
    this.outbox.targets.heard(recipientKey(recipient), entry.lease)
    this.#o.emit('presence', { recipient })
    store.outbox.hasten(toBase64url(recipient.member), now(), RESEALED_FOR)
    if (fetch) this.following.changed(Number.MAX_SAFE_INTEGER)
    this.flush()
  }
}
