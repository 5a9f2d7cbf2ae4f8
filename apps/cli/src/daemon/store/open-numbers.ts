/** The numbers of each line that its recipient may still wait for, where they are few: the lowest of them travels with every message. */
import { OPEN_STATES, type OutboxRecipientRow, type OutboxState } from '@claudemesh/client'
import { memoryOf } from './memory.ts'
import type { MeshScope } from './mesh-scope.ts'

/** Numbers of one line that are remembered. */
const FEW = 64

type Line = Pick<OutboxRecipientRow, 'owner' | 'line' | 'to'>

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
  const memory = memoryOf<Set<number>>(scope)
  const nameOf = ({ owner, line, to }: Line) => `${owner}/${line}/${to}`
  return {
    lowest: line => {
      const name = nameOf(line)
      const held = memory.held(name)
      if (held) return held.size === 0 ? undefined : Math.min(...held)
      const numbers = read(line, FEW + 1)
      if (numbers.length <= FEW) memory.set(name, new Set(numbers))
      return numbers[0]
    },
    wrote: row => {
      if (row.pairSeq === 0) return
      const name = nameOf(row)
      const held = memory.held(name)
      if (!held) return
      if (isOpen(row.state)) held.add(row.pairSeq)
      else held.delete(row.pairSeq)
      if (held.size > FEW) memory.forget(name)
    },
    clear: () => memory.clear(),
  }
}

const isOpen = (state: OutboxState): boolean => (OPEN_STATES as readonly OutboxState[]).includes(state)
