/** What reads or words something from outside, and the local API, for those who test it from outside. */
export { callDaemon, followDaemon } from './api/client.ts'
export type { InboxMessage, MeshInfo, Peer, SendReply, StatusReply } from './api/schema.ts'
export { logFromDatabase } from './audit/from-database.ts'
export { itemOf } from './audit/lines.ts'
export { verifyLog } from './audit/verify.ts'
export { frameMessages, idsFramedIn } from './delivery/frame.ts'
export { neutralise } from './delivery/neutralise.ts'
