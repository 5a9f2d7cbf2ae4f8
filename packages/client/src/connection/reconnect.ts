/** Keeps one link alive: reconnects with full jitter, heartbeats, and gives up only for reasons that stand. */
import { CLOSE, MeshError, TIMES } from '@claudemesh/protocol'
import type { Log, MeshState, Schedule } from '../types.ts'
import { type Closed, type Link, LONGEST_ASKED_MS } from './link.ts'

const FIRST_BACKOFF_MS = 500
const LONGEST_BACKOFF_MS = 30_000

/** Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): 0 to min(30 s, 0.5 s · 2^attempt). */
export const backoffMs = (attempt: number, random: () => number): number =>
  random() * Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(attempt, 16))

export interface ReconnectOptions {
  readonly now: () => number
  readonly schedule: Schedule
  readonly random: () => number
  readonly log: Log
  /** Dials; `heard` is to be called for whatever comes in. */
  readonly dial: (heard: () => void, abort: AbortSignal) => Promise<Link>
  /** Runs on a fresh link before it counts as online; what it throws ends the link. */
  readonly onUp: (link: Link) => Promise<void>
  readonly onDown: () => void
  /** The broker's clock, by every answer to a heartbeat. */
  readonly onTime: (time: number) => void
  readonly onState: (state: MeshState, why: MeshError | null) => void
}

/** Codes after which dialling again is of no use until a person has done something. */
const FINAL = new Set<MeshError['code']>([
  'integrity',
  'removed',
  'replaced',
  'bad-signature',
  'unknown-mesh',
])

export class Reconnect {
  readonly #o: ReconnectOptions
  #link: Link | null = null
  #state: MeshState = 'offline'
  #why: MeshError | null = null
  #attempt = 0
  #running = false
  #abort = new AbortController()
  #cancel: () => void = () => {}
  #done: Promise<void> = Promise.resolve()
  #heardAt = 0
  #drainMs: number | null = null

  constructor(o: ReconnectOptions) {
    this.#o = o
  }
  get state(): MeshState {
    return this.#state
  }
  get why(): MeshError | null {
    return this.#why
  }
  /** The link while it is up. */
  get link(): Link | null {
    return this.#link
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    this.#abort = new AbortController()
    this.#done = this.#once()
  }
  async stop(): Promise<void> {
    this.#running = false
    this.#cancel()
    this.#abort.abort()
    this.#link?.close()
    await this.#done
    this.#to('offline', null)
  }
  /** Ends the connection; the next one is made as after any loss. */
  redial(): void {
    this.#link?.close()
  }
  /** Ends everything for a reason that a new connection cannot heal. */
  halt(why: MeshError): void {
    this.#running = false
    this.#cancel()
    this.#link?.close()
    this.#to(why.code === 'removed' ? 'removed' : 'stopped', why)
  }
  /** The broker said when to come back. */
  draining(retryAfterMs: number): void {
    this.#drainMs = retryAfterMs
  }

  #to(state: MeshState, why: MeshError | null): void {
    if (state === this.#state && why === this.#why) return
    this.#state = state
    this.#why = why
    this.#o.onState(state, why)
  }

  async #once(): Promise<void> {
    this.#to('connecting', this.#why)
    let ended: MeshError | null = null
    try {
      const link = await this.#o.dial(() => {
        this.#heardAt = this.#o.now()
      }, this.#abort.signal)
      if (!this.#running) return link.close()
      this.#link = link
      this.#heardAt = this.#o.now()
      const stopBeating = this.#beat(link)
      try {
        await Promise.race([this.#o.onUp(link), link.closed])
        if (this.#running) {
          this.#attempt = 0
          this.#to('online', null)
        }
        ended = reasonOf(await link.closed)
      } finally {
        stopBeating()
        this.#link = null
        link.close()
        this.#o.onDown()
      }
    } catch (error) {
      ended =
        error instanceof MeshError
          ? error
          : new MeshError('internal', 'the connection could not be set up', { cause: error })
    }
    if (!this.#running) return
    if (ended && FINAL.has(ended.code)) return this.halt(ended)
    const backoff = backoffMs(this.#attempt++, this.#o.random)
    const drain = this.#drainMs === null ? 0 : this.#drainMs * this.#o.random()
    const asked = Math.min(Math.max(drain, ended?.retryAfterMs ?? 0), LONGEST_ASKED_MS)
    const wait = Math.max(backoff, asked)
    this.#drainMs = null
    this.#o.log('link.down', { code: ended?.code, message: ended?.message, retryMs: Math.round(wait) })
    this.#to('offline', ended)
    if (!this.#running) return
    this.#cancel = this.#o.schedule(wait, () => {
      this.#done = this.#once()
    })
  }

  #beat(link: Link): () => void {
    let cancel = (): void => {}
    const tick = (): void => {
      if (this.#o.now() - this.#heardAt >= TIMES.silenceMs) {
        link.close(CLOSE.idle.code, CLOSE.idle.reason)
        return
      }
      link.request({ type: 'ping', time: this.#o.now() }, 'pong').then(
        pong => this.#o.onTime(pong.time),
        () => {},
      )
      cancel = this.#o.schedule(TIMES.heartbeatMs, tick)
    }
    cancel = this.#o.schedule(TIMES.heartbeatMs, tick)
    return () => cancel()
  }
}

function reasonOf(closed: Closed): MeshError {
  if (closed.why) return closed.why
  if (closed.code === CLOSE.removed.code)
    return new MeshError('removed', 'the broker says that this member was removed from the mesh')
  if (closed.code === CLOSE.replaced.code)
    return new MeshError('replaced', 'another daemon with the same keys took over')
  if (closed.code === CLOSE.goingAway.code) return new MeshError('draining', 'the broker went away')
  return new MeshError('unreachable', 'the connection to the broker ended')
}
