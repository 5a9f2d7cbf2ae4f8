/** What reads or words something from outside, for those who test it from outside. */
export type { InboxMessage } from './api/schema.ts'
export { itemOf } from './audit/lines.ts'
export { verifyLog } from './audit/verify.ts'
export { frameMessages, idsFramedIn } from './delivery/frame.ts'
export { neutralise } from './delivery/neutralise.ts'
