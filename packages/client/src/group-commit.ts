/** One transaction for whatever a turn of the event loop brings: each work is durable before anybody hears of it, and pays a share of one write to the disk. */
import type { Commit } from './commit.ts'
import type { Turn } from './types.ts'

interface Job {
  readonly work: () => void
  /** The transaction that `work` ran in stands. */
  readonly done: () => void
  /** Nothing stands of what it did. */
  readonly failed: (error: unknown) => void
}

export class GroupCommit {
  readonly #commit: Commit
  readonly #turn: Turn
  #jobs: Job[] = []
  readonly #last = new Set<Job>()
  #planned = false

  constructor(commit: Commit, turn: Turn) {
    this.#commit = commit
    this.#turn = turn
  }

  /** `work` in the next shared transaction, behind all that was asked before; settles when that is decided. What `work` throws undoes its own part alone. */
  soon<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let made: T
      this.#jobs.push({
        work: () => {
          made = work()
        },
        done: () => resolve(made),
        failed: reject,
      })
      this.#plan()
    })
  }

  /** `job` in the next shared transaction, once however often it is asked for, behind all else of it. */
  last(job: Job): void {
    this.#last.add(job)
    this.#plan()
  }

  /** At once, what waits for the next turn. */
  run(): void {
    this.#planned = false
    const jobs = [...this.#jobs, ...this.#last]
    this.#jobs = []
    this.#last.clear()
    if (jobs.length === 0) return
    // Together they failed: whose fault it was shows when each stands alone.
    if (!this.#together(jobs) && jobs.length > 1) for (const job of jobs) this.#together([job])
  }

  #together(jobs: readonly Job[]): boolean {
    try {
      this.#commit.run(() => {
        for (const { work } of jobs) work()
      })
    } catch (error) {
      if (jobs.length === 1) jobs[0]!.failed(error)
      return false
    }
    for (const { done } of jobs) done()
    return true
  }

  #plan(): void {
    if (this.#planned) return
    this.#planned = true
    this.#turn(() => this.run())
  }
}
