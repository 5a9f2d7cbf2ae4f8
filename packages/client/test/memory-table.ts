/** A table in memory that can take back what a transaction did to it. */
export type Undo = () => void
export interface Journal {
  undo: Undo[] | null
  /** A process that is gone writes nothing any more. */
  dead: boolean
}

export class Table<R> {
  readonly #rows = new Map<string, R>()
  readonly #journal: Journal
  constructor(journal: Journal) {
    this.#journal = journal
  }
  get(key: string): R | undefined {
    return this.#rows.get(key)
  }
  set(key: string, row: R): void {
    if (this.#journal.dead) throw new Crash()
    const had = this.#rows.has(key)
    const before = this.#rows.get(key)
    this.#journal.undo?.push(() => (had ? this.#rows.set(key, before!) : this.#rows.delete(key)))
    this.#rows.set(key, row)
  }
  delete(key: string): void {
    if (this.#journal.dead) throw new Crash()
    if (!this.#rows.has(key)) return
    const before = [...this.#rows]
    this.#journal.undo?.push(() => {
      this.#rows.clear()
      for (const [k, row] of before) this.#rows.set(k, row)
    })
    this.#rows.delete(key)
  }
  all(): R[] {
    return [...this.#rows.values()]
  }
  get size(): number {
    return this.#rows.size
  }
}

/** Not an error of the mesh: the process is gone. */
export class Crash extends Error {}

export const earliest = (times: number[]): number | undefined =>
  times.length === 0 ? undefined : Math.min(...times)
