/** What the hot lane may expect of its next commit: where a mesh's log and numbers will stand, and at what time. */
import { bytesIndex } from './bytes-index.ts'

/** The first numbers of a batch, and its time (ms since 1970). */
export interface Forecast {
  readonly seq: number
  readonly index: number
  readonly at: number
}

/** Where one mesh stood behind a commit: its last seq, the size of its log, the time of the batch, ms. */
export interface MeshHead {
  readonly seq: number
  readonly index: number
  readonly at: number
  /** The database's clock, ms; `null` where the answer did not tell: the reading before it stands. */
  readonly clock: number | null
}

/** The database's clock as it was read last, beside this process's own, ms. */
interface Reading {
  readonly clock: number
  readonly seen: number
}

/** A call of the lane that is under way. */
export interface Flight {
  /** As bytes of a string; `null`: it names several meshes, and nothing behind it can be foretold. */
  readonly mesh: string | null
  readonly accepts: number
  readonly acks: number
  readonly forecast: Forecast | null
}

/** One leaf by somebody else makes the forecasts of all calls under way fail, and no more. */
const CHANCE_MISSES = 2
/** Behind more misses in a row batches are not hashed here, first two, then twice as many: another node writes to the same log. */
const MOST_RESTS = 64
/** Meshes whose heads are kept: those that were committed to last. */
const MOST_HEADS = 1024
/** A reading of the database's clock serves this long: two clocks drift apart by less than 10 ms in it. */
const READING_MS = 60_000

/** One for each lane: calls begin and end in the order of their commits. */
export class LeafForecast {
  /** Leaves may be written as chunks: no version that cannot read them is at work. */
  enabled = false
  private readonly heads = new Map<string, MeshHead & Reading>()
  private readonly flights: Flight[] = []
  private misses = 0
  private resting = 0

  /** What the next call of this mesh may expect, without one. */
  next(mesh: Uint8Array): Forecast | null {
    return this.foretell(bytesIndex(mesh))
  }

  /** Before a call of `accepts` new envelopes and `acks` that move on. */
  begin(mesh: Uint8Array | null, accepts: number, acks: number): Flight {
    const key = mesh === null ? null : bytesIndex(mesh)
    const flight = { mesh: key, accepts, acks, forecast: key === null ? null : this.foretell(key) }
    this.flights.push(flight)
    return flight
  }

  /** Whether hashing the leaves of the next call is worth it. */
  worthIt(): boolean {
    if (this.resting === 0) return true
    this.resting--
    return false
  }

  /** The leaves that were hashed for a call were taken, or were in vain. */
  judge(taken: boolean): void {
    this.misses = taken ? 0 : this.misses + 1
    if (this.misses > CHANCE_MISSES) this.resting = Math.min(2 ** (this.misses - CHANCE_MISSES), MOST_RESTS)
  }

  /** The call was answered; `head` is `null` where it failed or tells of no single mesh. */
  end(flight: Flight, head: MeshHead | null): void {
    this.flights.splice(this.flights.indexOf(flight), 1)
    const { mesh } = flight
    if (mesh === null) {
      this.heads.clear()
      return
    }
    const before = this.heads.get(mesh)
    this.heads.delete(mesh)
    if (head === null) return
    const { clock } = head
    if (clock !== null) this.heads.set(mesh, { ...head, clock, seen: performance.now() })
    else if (before !== undefined) this.heads.set(mesh, { ...head, clock: before.clock, seen: before.seen })
    if (this.heads.size > MOST_HEADS) this.heads.delete(this.heads.keys().next().value!)
  }

  /** Nothing is known of any mesh. */
  forget(): void {
    this.heads.clear()
  }

  private foretell(mesh: string): Forecast | null {
    const head = this.heads.get(mesh)
    if (head === undefined) return null
    const since = performance.now() - head.seen
    if (since > READING_MS) return null
    let seq = head.seq + 1
    let index = head.index
    let at = Math.max(head.at, Math.floor(head.clock + since))
    for (const flight of this.flights) {
      if (flight.mesh === null) return null
      if (flight.mesh !== mesh) continue
      seq += flight.accepts
      index += flight.accepts + flight.acks
      at = Math.max(at, flight.forecast?.at ?? 0)
    }
    return { seq, index, at }
  }
}
