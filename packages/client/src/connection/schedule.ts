/** Time as the host gives it, where nobody passed another in. */
import type { Schedule } from '../types.ts'

export const byTimeout: Schedule = (ms, work) => {
  const timer = setTimeout(work, ms)
  return () => clearTimeout(timer)
}
