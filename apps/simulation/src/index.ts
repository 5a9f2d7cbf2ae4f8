/** What judges a history and makes a plan of a seed: the same for simulated and for real processes. */
export { type Broken, check } from './checker.ts'
export type { Ending, History, HistoryEvent, Recorded } from './history.ts'
export { dedupeOff, readByTime, receiptBeforeStoring } from './planted-bugs.ts'
export { openRandom, type Random } from './random.ts'
export { promisesIn } from './recorder.ts'
