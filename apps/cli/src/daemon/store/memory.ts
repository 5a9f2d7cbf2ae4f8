/** What was read of the store, or written to it, and is asked for with every message: forgotten whenever a transaction is undone. */
import type { MeshScope } from './mesh-scope.ts'

export interface Memory<V> {
  /** Where it is remembered. */
  held(name: string): V | undefined
  /** As it stands in the store; `read` there where it is not remembered. */
  get(name: string, read: () => V): V
  /** It stands in the store from now on, unless the transaction is undone. */
  set(name: string, value: V): void
  forget(name: string): void
  clear(): void
}

/** Of `most` names at a time: the one set first goes first. */
export function memoryOf<V>({ undone }: Pick<MeshScope, 'undone'>, most = 1_000): Memory<V> {
  const held = new Map<string, V>()
  let since = undone()
  const standing = () => {
    if (since !== undone()) held.clear()
    since = undone()
    return held
  }
  const set = (name: string, value: V) => {
    const known = standing()
    known.set(name, value)
    if (known.size > most) known.delete(known.keys().next().value!)
  }
  return {
    held: name => standing().get(name),
    get(name, read) {
      const known = standing()
      if (known.has(name)) return known.get(name) as V
      const value = read()
      set(name, value)
      return value
    },
    set,
    forget: name => void held.delete(name),
    clear: () => held.clear(),
  }
}
