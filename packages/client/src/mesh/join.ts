/** Joins by an invite link: only a chain that holds the very entry the link names is believed. */
import type { Signer } from '@claudemesh/crypto'
import { MeshError, type Role } from '@claudemesh/protocol'
import type { MeshIdentity } from '../types.ts'
import type { MeshSeed } from './seed.ts'

export interface InvitePreview {
  readonly mesh: Uint8Array
  readonly meshName: string
  readonly inviter: Uint8Array
  readonly inviterName: string
  readonly role: Role
  readonly expiresAt: number
  readonly host: string
  readonly url: string
}
interface LinkRequest {
  readonly link: string
  readonly now: () => number
  readonly webSocket?: typeof WebSocket
}
export interface JoinRequest extends LinkRequest {
  readonly member: Signer
  readonly agreement: MeshIdentity['agreement']
  readonly memberName: string
  /** Called before the join is sent: the keys must be safe on disk when it resolves. */
  readonly persist?: (seed: MeshSeed) => void | Promise<void>
}

/** What a link leads to, verified; changes nothing. Throws `usage`, `unreachable`, `not-found`, `expired`, `integrity`. */
export async function previewInvite(_request: LinkRequest): Promise<InvitePreview> {
  throw new MeshError('unsupported', 'not built yet')
}

/** Appends the join, with retry when the roster moved. Throws as `previewInvite`, and `forbidden`. */
export async function joinByInvite(_request: JoinRequest): Promise<MeshSeed> {
  throw new MeshError('unsupported', 'not built yet')
}
