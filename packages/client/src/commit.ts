/** The one way to change the store: events are told after their transaction stands. */
import type { ClientStore } from './store.ts'
import type { MeshEvents } from './types.ts'

export type Emit = <E extends keyof MeshEvents>(event: E, facts: MeshEvents[E]) => void

export interface Commit {
  /** Runs `work` as one transaction; what it handed to `after` runs once that stands, in order. */
  run<T>(work: () => T): T
  /** Within `run`: told when the transaction stands, never if it does not. */
  after<E extends keyof MeshEvents>(event: E, facts: MeshEvents[E]): void
}

export function makeCommit(store: ClientStore, emit: Emit): Commit {
  let depth = 0
  let told: (() => void)[] = []
  return {
    run(work) {
      depth++
      try {
        const result = store.transaction(work)
        if (depth > 1) return result
        const events = told
        told = []
        depth--
        for (const tell of events) tell()
        depth++
        return result
      } catch (error) {
        if (depth === 1) told = []
        throw error
      } finally {
        depth--
      }
    },
    after(event, facts) {
      told.push(() => emit(event, facts))
    },
  }
}
