/** Tells of every question and its answer, as they come. */
import type { Queries, Synchronous } from './synchronous.ts'

export interface Call {
  readonly name: keyof Queries
  readonly given: readonly unknown[]
  /** What it answered, or threw. */
  readonly outcome: { readonly answer: unknown } | { readonly error: unknown }
}

/** `model`, of which `seen` hears everything. */
export function observed(model: Synchronous, seen: (call: Call) => void): Synchronous {
  const queries = Object.entries(model).map(([name, query]) => [
    name,
    (...given: unknown[]) => {
      try {
        const answer = (query as (...given: unknown[]) => unknown)(...given)
        seen({ name: name as keyof Queries, given, outcome: { answer } })
        return answer
      } catch (error) {
        seen({ name: name as keyof Queries, given, outcome: { error } })
        throw error
      }
    },
  ])
  return Object.fromEntries(queries)
}
