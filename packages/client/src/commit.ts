/** The one way to change the store: events are told after their transaction stands. */
import type { ClientStore } from './store.ts'
import type { InboxMessage, MeshEvents } from './types.ts'

export type Emit = <E extends keyof MeshEvents>(event: E, facts: MeshEvents[E]) => void

export interface Commit {
  /** Runs `work` as one transaction; what it handed to `after` runs once that stands, in order. */
  run<T>(work: () => T): T
  /** Within `run`: told when the transaction stands, never if it does not. `facts` are its own from then on. */
  after<E extends keyof MeshEvents>(event: E, facts: MeshEvents[E]): void
  /** Within `run`: done when the transaction stands, before anything is told of it; never if it does not. */
  stands(work: () => void): void
  /** Of the transaction under way: no other ever has it. */
  readonly number: number
}

type Told = { readonly [E in keyof MeshEvents]: { event: E; facts: MeshEvents[E] } }[keyof MeshEvents]

export function makeCommit(store: ClientStore, emit: Emit): Commit {
  let depth = 0
  let told: Told[] = []
  let kept: (() => void)[] = []
  let number = 0
  return {
    get number() {
      return number
    },
    run(work) {
      if (depth === 0) number++
      depth++
      try {
        const result = store.transaction(work)
        if (depth > 1) return result
        const [events, works] = [told, kept]
        told = []
        kept = []
        depth--
        for (const each of works) each()
        for (const { event, facts } of events) emit(event, facts)
        depth++
        return result
      } catch (error) {
        if (depth === 1) {
          told = []
          kept = []
        }
        throw error
      } finally {
        depth--
      }
    },
    stands: work => void kept.push(work),
    after(event, facts) {
      const next = { event, facts } as Told
      if (!joins(told.at(-1), next)) told.push(next)
    },
  }
}

/** Of one mailbox, what a transaction released is told in one: a thousand deliveries are not looked at a thousand times. */
function joins(last: Told | undefined, { event, facts }: Told): boolean {
  if (last?.event !== 'inbox' || event !== 'inbox' || last.facts.uuid !== facts.uuid) return false
  const { messages } = last.facts as unknown as { messages: InboxMessage[] }
  messages.push(...facts.messages)
  return true
}
