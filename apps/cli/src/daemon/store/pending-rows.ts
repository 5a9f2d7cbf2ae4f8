/** Whether anything of a mesh waits in a table: asked for with every message, and nearly always nothing does. */
import { memoryOf } from './memory.ts'
import type { MeshScope } from './mesh-scope.ts'

export interface PendingRows {
  /** True where nothing waits. */
  isNone(): boolean
  /** Something waits from now on. */
  came(): void
  /** Something that waited may not any more. */
  went(): void
}

/** `isNone` looks into the store. */
export function pendingRows(scope: Pick<MeshScope, 'undone'>, isNone: () => boolean): PendingRows {
  const none = memoryOf<boolean>(scope)
  return {
    isNone: () => none.get('', isNone),
    came: () => none.set('', false),
    went: () => {
      if (none.held('') === false) none.forget('')
    },
  }
}
