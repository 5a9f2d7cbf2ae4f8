/** The numbers of each line that its recipient may still wait for, where they are few: the lowest of them travels with every message. */
import { OPEN_STATES, type OutboxRecipientRow, type OutboxState } from '@claudemesh/client'
import { memoryOf } from './memory.ts'
import type { MeshScope } from './mesh-scope.ts'

/** Numbers of one line that are remembered: more than are on their way at once. */
const FEW = 1024

type Line = Pick<OutboxRecipientRow, 'owner' | 'line' | 'to'>
/** They are not remembered; so many have to end before it is looked whether they are few. */
interface Many {
  toEnd: number
}

export interface OpenNumbers {
  /** `undefined` where nothing is open. */
  lowest(line: Line): number | undefined
  wrote(row: OutboxRecipientRow): void
  /** Rows were removed. */
  clear(): void
}

/** `read` finds the lowest open numbers in the store, at most so many, in order. */
export function openNumbers(
  scope: Pick<MeshScope, 'undone'>,
  read: (line: Line, limit: number) => number[],
): OpenNumbers {
  const memory = memoryOf<Set<number> | Many>(scope)
  const nameOf = ({ owner, line, to }: Line) => `${owner}/${line}/${to}`
  return {
    lowest: line => {
      const name = nameOf(line)
      const held = memory.held(name)
      if (held instanceof Set) return held.size === 0 ? undefined : Math.min(...held)
      if (held) return read(line, 1)[0]
      const numbers = read(line, FEW + 1)
      memory.set(name, numbers.length > FEW ? { toEnd: FEW } : new Set(numbers))
      return numbers[0]
    },
    wrote: row => {
      if (row.pairSeq === 0) return
      const name = nameOf(row)
      const held = memory.held(name)
      if (!held) return
      if (held instanceof Set) {
        if (isOpen(row.state)) held.add(row.pairSeq)
        else held.delete(row.pairSeq)
        if (held.size > FEW) memory.set(name, { toEnd: FEW })
      } else if (!isOpen(row.state) && --held.toEnd === 0) memory.forget(name)
    },
    clear: () => memory.clear(),
  }
}

const isOpen = (state: OutboxState): boolean => (OPEN_STATES as readonly OutboxState[]).includes(state)
