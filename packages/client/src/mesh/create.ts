/** Founds a mesh: genesis, broker entry and the key of epoch 1. */
import type { Signer } from '@claudemesh/crypto'
import { MeshError } from '@claudemesh/protocol'
import type { MeshIdentity } from '../types.ts'
import type { MeshSeed } from './seed.ts'

export interface CreateMeshRequest {
  /** `ws(s)://host/ws` and the host that stands in it. */
  readonly url: string
  readonly host: string
  readonly member: Signer
  readonly agreement: MeshIdentity['agreement']
  /** Names of mesh and founder, at most 64 characters. */
  readonly name: string
  readonly memberName: string
  /** Asked for where `MESH_CREATE` is `token`. */
  readonly token?: string
  readonly now: () => number
  /** Called before the broker hears of the mesh: keys and seed must be safe on disk when it resolves. */
  readonly persist?: (seed: MeshSeed) => void | Promise<void>
  readonly webSocket?: typeof WebSocket
}

/** Throws `unreachable`, `forbidden`, `unauthenticated`, `timeout`, `usage`. */
export async function createMesh(_request: CreateMeshRequest): Promise<MeshSeed> {
  throw new MeshError('unsupported', 'not built yet')
}
