/** Counters that never go back, over restarts and clock changes: max(last + 1, ms now), persisted before use. */
import { TIMES } from '@claudemesh/protocol'
import type { ClientStore } from './store.ts'

/** One that a clock which was ahead left further than anybody accepts is taken for unused. */
export function nextCounter(store: ClientStore, name: string, now: number): number {
  const last = store.counters.get(name)
  const value = last > now + TIMES.idSkewMs ? now : Math.max(last + 1, now)
  store.counters.set(name, value)
  return value
}

/** 1, 2, 3 … without gaps. */
export function nextNumber(store: ClientStore, name: string): number {
  const value = store.counters.get(name) + 1
  store.counters.set(name, value)
  return value
}
