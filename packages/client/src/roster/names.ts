/** Names of mesh and members, opened with the epoch key they were sealed under; what does not open is shown as a key prefix. */
import type { Roster, RosterMember } from '@claudemesh/crypto'
import { openName } from '@claudemesh/crypto/sealing'
import { equalBytes, MeshError, toBase64url } from '@claudemesh/protocol'
import type { RosterKeeper } from './keeper.ts'

type KeyOf = (epoch: number) => Uint8Array | undefined

export const meshName = ({ roster, epochs }: RosterKeeper): string => nameOfMesh(roster, n => epochs.get(n))
export const memberName = ({ roster, epochs }: RosterKeeper, member: RosterMember): string =>
  nameOfMember(roster, n => epochs.get(n), member)

export function nameOfMesh({ genesis, mesh, meshName: sealed }: Roster, keyOf: KeyOf): string {
  return open(keyOf(1), mesh, epochKey =>
    openName({ sealed, epochKey, epoch: 1, mesh: null, author: genesis.author, what: 'mesh' }),
  )
}

export function nameOfMember({ genesis, mesh }: Roster, keyOf: KeyOf, member: RosterMember): string {
  const { sealedName: sealed, nameEpoch: epoch, key: author } = member
  // The genesis is sealed before the mesh has an id.
  const ofGenesis = equalBytes(sealed, genesis.body.name)
  return open(keyOf(epoch), author, epochKey =>
    openName({ sealed, epochKey, epoch, mesh: ofGenesis ? null : mesh, author, what: 'member' }),
  )
}

function open(key: Uint8Array | undefined, shown: Uint8Array, read: (key: Uint8Array) => string): string {
  const fallback = toBase64url(shown).slice(0, 8)
  if (!key) return fallback
  try {
    return read(key)
  } catch (error) {
    if (error instanceof MeshError) return fallback
    throw error
  }
}
