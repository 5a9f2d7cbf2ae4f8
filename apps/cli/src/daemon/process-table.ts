/**
 * Looks at the same processes every second: under Linux by files of /proc that stay open, which takes a third of opening and reading
 * them, elsewhere by one `ps` for all.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { identitiesByPs, identityIn } from './process-identity.ts'

/** More than any `/proc/<pid>/stat` has: 52 numbers and a name of 64 bytes at most. */
const STAT_BYTES = 2048

export class ProcessTable {
  readonly #files = new Map<number, number>()
  #asked = new Set<number>()
  readonly #text = Buffer.alloc(STAT_BYTES)

  /** As `processIdentity`, of all that live among them. Files of processes that nobody has asked for since the last time are closed. */
  identities(pids: readonly number[]): Map<number, string> {
    if (process.platform !== 'linux') return identitiesByPs(pids)
    const found = new Map<number, string>()
    const before = this.#asked
    this.#asked = new Set()
    for (const pid of pids) {
      const identity = this.#identity(pid)
      if (identity !== undefined) found.set(pid, identity)
    }
    for (const pid of this.#files.keys()) if (!before.has(pid) && !this.#asked.has(pid)) this.#close(pid)
    return found
  }

  /** Start time of a living process in ticks since the boot (Linux; elsewhere none is told). */
  startOf(pid: number): string | undefined {
    return process.platform === 'linux' ? this.#identity(pid)?.split('/')[1] : undefined
  }

  stop(): void {
    for (const pid of this.#files.keys()) this.#close(pid)
  }

  #identity(pid: number): string | undefined {
    this.#asked.add(pid)
    // An open file is of the very process it was opened for: of one that has ended it tells nothing, whoever has its pid now.
    return this.#read(pid) ?? (this.#reopened(pid) ? this.#read(pid) : undefined)
  }

  #read(pid: number): string | undefined {
    const file = this.#files.get(pid)
    if (file === undefined) return undefined
    try {
      return identityIn(this.#text.toString('latin1', 0, readSync(file, this.#text, 0, STAT_BYTES, 0)))
    } catch {
      return undefined
    }
  }

  #reopened(pid: number): boolean {
    this.#close(pid)
    try {
      this.#files.set(pid, openSync(`/proc/${pid}/stat`, 'r'))
      return true
    } catch {
      return false
    }
  }

  #close(pid: number): void {
    const file = this.#files.get(pid)
    if (file !== undefined) closeSync(file)
    this.#files.delete(pid)
  }
}
