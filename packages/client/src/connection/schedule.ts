/** Time as the host gives it, where nobody passed another in. */
import type { Schedule, Turn } from '../types.ts'

export const byTimeout: Schedule = (ms, work) => {
  const timer = setTimeout(work, ms)
  return () => clearTimeout(timer)
}

/** A browser has timeouts only. */
export const byImmediate: Turn = work => {
  if (typeof setImmediate === 'function') setImmediate(work)
  else setTimeout(work, 0)
}
