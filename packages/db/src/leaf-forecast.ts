/** What the hot lane may expect of its next commit: where a mesh's log and numbers will stand, and at what time. */
import { equalBytes } from '@claudemesh/protocol'

/** The first numbers of a batch, and its time (ms since 1970). */
export interface Forecast {
  readonly seq: number
  readonly index: number
  readonly at: number
}

/** Where one mesh stood behind a commit: its last seq, the size of its log, the time of the batch and the database's clock, ms. */
export interface MeshHead {
  readonly seq: number
  readonly index: number
  readonly at: number
  readonly clock: number
}

/** A call of the lane that is under way. */
export interface Flight {
  /** `null`: it names several meshes, and nothing behind it can be foretold. */
  readonly mesh: Uint8Array | null
  readonly accepts: number
  readonly acks: number
  readonly forecast: Forecast | null
}

/** One leaf by somebody else makes the forecasts of all calls under way fail, and no more. */
const CHANCE_MISSES = 2
/** Behind more misses in a row batches are not hashed here, first two, then twice as many: another node writes to the same log. */
const MOST_RESTS = 64

/** One for each lane: calls begin and end in the order of their commits. */
export class LeafForecast {
  /** Leaves may be written as chunks: no version that cannot read them is at work. */
  enabled = false
  private head: (MeshHead & { readonly mesh: Uint8Array; readonly seen: number }) | null = null
  private readonly flights: Flight[] = []
  private misses = 0
  private resting = 0

  /** Before a call of `accepts` new envelopes and `acks` that move on. */
  begin(mesh: Uint8Array | null, accepts: number, acks: number): Flight {
    const flight = { mesh, accepts, acks, forecast: this.foretell(mesh) }
    this.flights.push(flight)
    return flight
  }

  /** Whether hashing the leaves of the next batch is worth it. */
  worthIt(): boolean {
    if (this.resting === 0) return true
    this.resting--
    return false
  }

  /** The leaves that were hashed for a batch were taken, or were in vain. */
  judge(taken: boolean): void {
    this.misses = taken ? 0 : this.misses + 1
    if (this.misses > CHANCE_MISSES) this.resting = Math.min(2 ** (this.misses - CHANCE_MISSES), MOST_RESTS)
  }

  /** The call was answered; `head` is `null` where it failed or tells of no single mesh. */
  end(flight: Flight, head: MeshHead | null): void {
    this.flights.splice(this.flights.indexOf(flight), 1)
    this.head =
      head === null || flight.mesh === null ? null : { ...head, mesh: flight.mesh, seen: performance.now() }
  }

  private foretell(mesh: Uint8Array | null): Forecast | null {
    const { head, flights, enabled } = this
    if (!enabled || mesh === null || head === null || !equalBytes(head.mesh, mesh)) return null
    let seq = head.seq + 1
    let index = head.index
    let at = Math.max(head.at, Math.floor(head.clock + performance.now() - head.seen))
    for (const flight of flights) {
      if (flight.mesh === null || !equalBytes(flight.mesh, mesh)) return null
      seq += flight.accepts
      index += flight.accepts + flight.acks
      at = Math.max(at, flight.forecast?.at ?? 0)
    }
    return { seq, index, at }
  }
}
