/** Simulated time: what is due next happens next, and nothing else happens meanwhile. */
import TinyQueue from 'tinyqueue'

/** A process of the simulation: from its death on nothing that was on its way to it arrives. */
export class Process {
  readonly name: string
  alive = true

  constructor(name: string) {
    this.name = name
  }
}

interface Due {
  readonly at: number
  readonly order: number
  readonly process: Process | null
  readonly run: () => void
  cancelled: boolean
}

/** The simulation begins here, ms since 1970. */
const EPOCH_MS = Date.UTC(2026, 0, 1)

/** Lets every promise that can go on go on: nothing under simulation waits for more than promises. */
const settled = () => new Promise<void>(resolve => setImmediate(resolve))

const isAlive = (process: Process | null): boolean => process?.alive !== false

export class Scheduler {
  #time = EPOCH_MS
  #order = 0
  readonly #queue = new TinyQueue<Due>([], (a, b) => a.at - b.at || a.order - b.order)
  /** Told of each step: `name` of the process, ms. */
  readonly #step: (at: number, name: string) => void

  constructor(step: (at: number, name: string) => void) {
    this.#step = step
  }

  /** ms since 1970, with fractions. */
  get time(): number {
    return this.#time
  }

  /** The true time in whole ms. */
  readonly now = (): number => Math.floor(this.#time)

  /** Runs `run` at `at`, unless the process is dead by then or the answer was called. */
  at(process: Process | null, at: number, run: () => void): () => void {
    const due: Due = { at: Math.max(at, this.#time), order: ++this.#order, process, run, cancelled: false }
    this.#queue.push(due)
    return () => {
      due.cancelled = true
    }
  }

  after(process: Process | null, ms: number, run: () => void): () => void {
    return this.at(process, this.#time + ms, run)
  }

  every(process: Process, ms: number, tick: () => void): () => void {
    let cancel = () => {}
    const again = () => {
      cancel = this.after(process, ms, again)
      tick()
    }
    cancel = this.after(process, ms, again)
    return () => cancel()
  }

  /** Lives until `until` (ms since 1970), or until `done` says so after a step. */
  async run(until: number, done: () => boolean = () => false): Promise<void> {
    await settled()
    while (!done()) {
      const next = this.#queue.peek()
      if (!next || next.at > until) break
      this.#queue.pop()
      if (next.cancelled || !isAlive(next.process)) continue
      this.#time = next.at
      this.#step(next.at, next.process?.name ?? '')
      try {
        next.run()
      } catch (error) {
        // Who died in the middle of it says nothing any more.
        if (isAlive(next.process)) throw error
      }
      await settled()
    }
    if (!done()) this.#time = Math.max(this.#time, until)
  }
}
