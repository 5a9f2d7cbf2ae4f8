/** The answer where every envelope of a call was new, for one known recipient each: they have the numbers from the first on. */
import type { RecipientState } from '@claudemesh/protocol'
import type { AcceptOutcome } from './delivery-types.ts'
import type { Forecast } from './leaf-forecast.ts'

/** `first`: what the first of `count` was given. */
export function plainOutcomes({ seq, index, at }: Forecast, count: number): AcceptOutcome[] {
  return Array.from({ length: count }, (_, i) => ({
    error: null,
    seq: seq + i,
    auditIndex: index + i,
    at,
    recipients: QUEUED,
    repeat: false,
  }))
}
const QUEUED: readonly RecipientState[] = ['queued']
