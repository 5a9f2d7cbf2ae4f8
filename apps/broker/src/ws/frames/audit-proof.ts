/** `audit.proof`: leaves are written from the first day, proofs over them are not served yet. */
import { MeshError } from '@claudemesh/protocol'

export function auditProofFrame(): never {
  throw new MeshError('unsupported', 'This broker serves no audit proofs yet.', { field: 'type' })
}
