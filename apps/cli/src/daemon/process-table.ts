/**
 * Looks at the same processes every second: under Linux by files of /proc that stay open, which takes a third of opening and reading
 * them, elsewhere by one `ps` for all.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { identitiesByPs, identityIn } from './process-identity.ts'

/** More than any `/proc/<pid>/stat` has: 52 numbers and a name of 64 bytes at most. */
const STAT_BYTES = 2048
/** What stands around the state, one letter, behind the name (proc(5)); a zombie and a dead one hold nothing any more. */
const [NAME_END, ZOMBIE, DEAD] = Buffer.from(')ZX')

interface Watched {
  readonly file: number
  readonly identity: string
  /** Its part that is the process's own, without the boot. */
  readonly start: string
  /** Number of the look in which it was last asked for. */
  askedIn: number
}

export class ProcessTable {
  readonly #watched = new Map<number, Watched>()
  readonly #text = Buffer.alloc(STAT_BYTES)
  #looks = 0
  #isLooking = false

  /** Within `work` each process is looked at once, however often it is asked for. Files of those nobody asked for then are closed. */
  look(work: () => void): void {
    this.#looks++
    this.#isLooking = true
    try {
      work()
    } finally {
      this.#isLooking = false
      for (const [pid, { askedIn }] of this.#watched) if (askedIn < this.#looks) this.#close(pid)
    }
  }

  /** As `processIdentity`, of all that live among them. */
  identities(pids: readonly number[]): Map<number, string> {
    if (process.platform !== 'linux') return identitiesByPs(pids)
    const found = new Map<number, string>()
    for (const pid of pids) {
      const watched = this.#watch(pid)
      if (watched !== undefined) found.set(pid, watched.identity)
    }
    return found
  }

  /** Start time of a living process in ticks since the boot (Linux; elsewhere none is told). */
  startOf(pid: number): string | undefined {
    return process.platform === 'linux' ? this.#watch(pid)?.start : undefined
  }

  stop(): void {
    for (const pid of this.#watched.keys()) this.#close(pid)
  }

  #watch(pid: number): Watched | undefined {
    const watched = this.#watched.get(pid)
    if (watched === undefined) return this.#open(pid)
    const isSeen = this.#isLooking && watched.askedIn === this.#looks
    watched.askedIn = this.#looks
    // An open file is of the very process it was opened for: of one that has ended it tells nothing, whoever has its pid now.
    if (isSeen || this.#lives(watched.file)) return watched
    this.#close(pid)
    return this.#open(pid)
  }

  #lives(file: number): boolean {
    try {
      const end = readSync(file, this.#text, 0, STAT_BYTES, 0)
      const state = this.#text[this.#text.subarray(0, end).lastIndexOf(NAME_END!) + 2]
      return state !== ZOMBIE && state !== DEAD
    } catch {
      return false
    }
  }

  #open(pid: number): Watched | undefined {
    let file: number | undefined
    try {
      file = openSync(`/proc/${pid}/stat`, 'r')
      const identity = identityIn(
        this.#text.toString('latin1', 0, readSync(file, this.#text, 0, STAT_BYTES, 0)),
      )
      if (identity !== undefined) {
        const watched = { file, identity, start: identity.split('/')[1]!, askedIn: this.#looks }
        this.#watched.set(pid, watched)
        return watched
      }
    } catch {
      // There is none, or it ended meanwhile.
    }
    if (file !== undefined) closeSync(file)
    return undefined
  }

  #close(pid: number): void {
    const watched = this.#watched.get(pid)
    if (watched !== undefined) closeSync(watched.file)
    this.#watched.delete(pid)
  }
}
