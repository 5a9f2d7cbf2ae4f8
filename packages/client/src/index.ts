/** A mesh member without a face: connection, outbox and inbox, directory, receipts. Storage, clock and sockets are passed in. */

export { type CreateMeshRequest, createMesh } from './mesh/create.ts'
export { joinByInvite, type OpenInvite, openInvite, previewInvite } from './mesh/join.ts'
export { type MeshSeed, seedStore } from './mesh/seed.ts'
export { MeshClient } from './mesh-client.ts'
export { lookAgain } from './roster/look-again.ts'
export { recipientOfKey } from './session/party.ts'
export * from './store.ts'
export * from './types.ts'
