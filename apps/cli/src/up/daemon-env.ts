/** What a daemon that is started from here finds in its environment. */

/**
 * What runs ten times as often as Bun would have it is compiled by its last, dearest compiler. Two seconds of CPU went into that while
 * the first 13,000 messages passed, a quarter of what they cost; the code before it is a seventh slower. Not for a service file, which
 * outlives this version of Bun: an option that another one does not know ends it.
 */
const LATE_COMPILING = { BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: '600000' }

export const daemonEnv = (home: string): Record<string, string> => ({
  CLAUDEMESH_HOME: home,
  ...LATE_COMPILING,
})
