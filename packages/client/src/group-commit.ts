/** One transaction for whatever a turn of the event loop brings: each work is durable before anybody hears of it, and pays a share of one write to the disk. */
import type { Commit } from './commit.ts'
import type { Schedule, Turn } from './types.ts'

/** What nobody waits for is gathered for so long, ms, and runs at once behind a pause of as long. */
const GATHER_MS = 10
/** So many works of one turn are a crowd: one more costs them next to nothing. */
const CROWD = 4

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
  readonly #schedule: Schedule
  #jobs: Job[] = []
  readonly #last = new Set<Job>()
  #aside: Job[] = []
  readonly #lastAside = new Set<Job>()
  /** The transaction that took along what is aside. */
  #takenBy = 0
  #planned = false
  #asidePlanned = false
  /** What is aside ran lately, or let others go first. */
  #resting = false
  #gaveWay = false

  constructor(commit: Commit, time: { readonly turn: Turn; readonly schedule: Schedule }) {
    this.#commit = commit
    this.#turn = time.turn
    this.#schedule = time.schedule
  }

  /** `work` in the next shared transaction, behind all that was asked before; settles when that is decided. What `work` throws undoes its own part alone. */
  soon<T>(work: () => T): Promise<T> {
    const { job, result } = jobOf(work)
    this.#jobs.push(job)
    this.#plan()
    return result
  }

  /** `job` in the next shared transaction, once however often it is asked for, behind all else of it. */
  last(job: Job): void {
    this.#last.add(job)
    this.#plan()
  }

  /** As `soon`, for what nobody waits for: it stands in no other's way, and is written with whatever else of its kind comes within 10 ms. */
  aside<T>(work: () => T): Promise<T> {
    const { job, result } = jobOf(work)
    this.#aside.push(job)
    this.#planAside()
    return result
  }

  /** As `last`, behind all that is `aside`. */
  lastAside(job: Job): void {
    this.#lastAside.add(job)
    this.#planAside()
  }

  /** Inside `commit.run`: the works that are `aside` are done now, a part of this transaction. */
  takeAlong(): void {
    const { number } = this.#commit
    if (this.#aside.length === 0 || this.#takenBy === number) return
    this.#takenBy = number
    const taken = [...this.#aside]
    for (const { work } of taken) work()
    this.#commit.stands(() => {
      this.#aside = this.#aside.slice(taken.length)
      for (const { done } of taken) done()
    })
  }

  /** At once, all that waits. */
  run(): void {
    this.#planned = false
    const works = [...this.#aside, ...this.#jobs]
    const last = new Set([...this.#last, ...this.#lastAside])
    this.#aside = []
    this.#jobs = []
    this.#last.clear()
    this.#lastAside.clear()
    this.#write([...works, ...last])
  }

  #runNext(): void {
    if (this.#jobs.length >= CROWD) {
      this.run()
      return
    }
    this.#planned = false
    const jobs = [...this.#jobs, ...this.#last]
    this.#jobs = []
    this.#last.clear()
    this.#write(jobs)
  }

  #runAside(): void {
    // In one transaction with those that somebody waits for, it would be in their way.
    if (this.#planned && !this.#gaveWay) {
      this.#gaveWay = true
      this.#turn(() => this.#runAside())
      return
    }
    this.#gaveWay = false
    this.#asidePlanned = false
    const jobs = [...this.#aside, ...this.#lastAside]
    if (jobs.length === 0) return
    this.#aside = []
    this.#lastAside.clear()
    this.#resting = true
    this.#schedule(GATHER_MS, () => {
      this.#resting = false
      if (this.#aside.length + this.#lastAside.size > 0) this.#planAside()
    })
    this.#write(jobs)
  }

  #write(jobs: readonly Job[]): void {
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
    this.#turn(() => this.#runNext())
  }

  #planAside(): void {
    if (this.#asidePlanned || this.#resting) return
    this.#asidePlanned = true
    this.#turn(() => this.#runAside())
  }
}

function jobOf<T>(work: () => T): { job: Job; result: Promise<T> } {
  const { promise: result, resolve, reject } = Promise.withResolvers<T>()
  let made: T
  const job = {
    work: () => {
      made = work()
    },
    done: () => resolve(made),
    failed: reject,
  }
  return { job, result }
}
