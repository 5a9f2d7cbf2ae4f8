/** Keeps the pinned roster at the broker's head: asked for every reason to, judged by what others claim, tended where this member may. */
import { MeshError } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { Chores } from '../mesh/chores.ts'
import { requireStanding } from './standing.ts'
import { syncRoster } from './sync.ts'

export interface FollowingPort {
  readonly link: () => Link | null
  /** The roster may be longer than `began`. */
  readonly grew: (began: number) => void
  /** Stops everything until a person has looked. */
  readonly halt: (error: MeshError) => void
  readonly problem: (code: string, message: string) => void
  readonly solved: (code: string) => void
}

export class Following {
  readonly #core: Core
  readonly #port: FollowingPort
  readonly #chores: Chores
  #syncing: Promise<void> | null = null
  /** Begins when the one under way has ended. */
  #next: Promise<void> | null = null

  constructor(core: Core, port: FollowingPort) {
    this.#core = core
    this.#port = port
    this.#chores = new Chores(core)
  }

  /**
   * Fetches, verifies and pins all that stood at the broker when this was called: who asks while a run is under way is served
   * by the one behind it, since the broker may have read its answer before.
   * Throws `unreachable` without a connection, `clock`; after `integrity` and `removed` everything is halted.
   */
  sync(): Promise<void> {
    if (!this.#syncing) return this.#begin()
    const follow = (): Promise<void> => {
      this.#next = null
      return this.#syncing ?? this.#begin()
    }
    this.#next ??= this.#syncing.then(follow, follow)
    return this.#next
  }

  #begin(): Promise<void> {
    this.#syncing = this.#sync().finally(() => {
      this.#syncing = null
    })
    return this.#syncing
  }

  async #sync(): Promise<void> {
    const { keeper, claims, log } = this.#core
    const link = this.#port.link()
    if (!link) throw new MeshError('unreachable', 'there is no connection to the broker')
    const began = keeper.roster.seq
    const wasDue = claims.asked()
    try {
      await syncRoster(link, keeper)
      claims.settle()
      if (claims.frozen) throw claims.frozen
      for (const code of ['roster-clock', 'roster-store']) this.#port.solved(code)
      requireStanding(this.#core)
    } catch (error) {
      if (wasDue) claims.notAnswered()
      if (!(error instanceof MeshError)) {
        this.#port.problem('roster-store', `what is new in the roster could not be stored: ${String(error)}`)
        throw error
      }
      log('roster.sync-failed', { code: error.code, message: error.message })
      if (error.code === 'clock') this.#port.problem('roster-clock', error.message)
      if (error.code === 'integrity' || error.code === 'removed') this.#port.halt(error)
      throw error
    } finally {
      // Also what came before that which did not.
      this.#port.grew(began)
    }
  }

  /** Somebody names a longer roster than ours. */
  changed(seq: number): void {
    if (seq > this.#core.keeper.roster.seq)
      this.#upTo(seq).then(
        () => this.chores(),
        () => {},
      )
  }

  /** A run that is under way may bring it. */
  async #upTo(seq: number): Promise<void> {
    await this.#syncing
    if (seq > this.#core.keeper.roster.seq) await this.sync()
  }

  /** The broker's signature under a roster head binds it to serve that head. */
  checkpoint(note: string): void {
    if (this.#core.claims.hearCheckpoint(note)) this.sync().catch(() => {})
  }

  /** Connected for `ms` more: a broker that still has to serve what it signed is asked again. */
  waited(ms: number): void {
    const { claims } = this.#core
    if (!claims.awaited) return
    claims.waited(ms)
    this.sync().catch(() => {})
  }

  /** What the mesh asks of the first admin online; what fails is tried again with the next tick. */
  async chores(): Promise<void> {
    const link = this.#port.link()
    const began = this.#core.keeper.roster.seq
    if (link && (await this.#chores.run(link))) this.#port.grew(began)
  }
}
