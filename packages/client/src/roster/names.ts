/** Names of mesh and members, opened with the epoch key they were sealed under; what does not open is shown as a key prefix. */
import type { Roster, RosterMember } from '@claudemesh/crypto'
import { openName } from '@claudemesh/crypto/sealing'
import { equalBytes, MeshError, toBase64url } from '@claudemesh/protocol'
import type { RosterKeeper } from './keeper.ts'

type KeyOf = (epoch: number) => Uint8Array | undefined

/** As `nameOfMesh`, opened once. */
export const meshName = ({ roster, epochs, opened }: RosterKeeper): string =>
  once(opened, roster.meshName, () => openMeshName(roster, n => epochs.get(n))) ?? prefixOf(roster.mesh)
/** As `nameOfMember`, opened once for each name and role: every send asks for everybody's. */
export const memberName = ({ roster, epochs, opened }: RosterKeeper, member: RosterMember): string =>
  once(opened, member, () => openMemberName(roster, n => epochs.get(n), member)) ?? prefixOf(member.key)

export const nameOfMesh = (roster: Roster, keyOf: KeyOf): string =>
  openMeshName(roster, keyOf) ?? prefixOf(roster.mesh)
export const nameOfMember = (roster: Roster, keyOf: KeyOf, member: RosterMember): string =>
  openMemberName(roster, keyOf, member) ?? prefixOf(member.key)

const prefixOf = (key: Uint8Array): string => toBase64url(key).slice(0, 8)

/** What did not open is tried again: its epoch's key may come later. */
function once(opened: WeakMap<object, string>, record: object, read: () => string | undefined) {
  const held = opened.get(record)
  if (held !== undefined) return held
  const name = read()
  if (name !== undefined) opened.set(record, name)
  return name
}

function openMeshName({ meshName }: Roster, keyOf: KeyOf): string | undefined {
  const { epoch } = meshName
  return open(keyOf(epoch), epochKey => openName({ ...meshName, epochKey, what: 'mesh' }))
}

function openMemberName({ genesis, mesh }: Roster, keyOf: KeyOf, member: RosterMember): string | undefined {
  const { sealedName: sealed, nameEpoch: epoch, key: author } = member
  // The genesis is sealed before the mesh has an id.
  const ofGenesis = equalBytes(sealed, genesis.body.name)
  return open(keyOf(epoch), epochKey =>
    openName({ sealed, epochKey, epoch, mesh: ofGenesis ? null : mesh, author, what: 'member' }),
  )
}

function open(key: Uint8Array | undefined, read: (key: Uint8Array) => string): string | undefined {
  if (!key) return undefined
  try {
    return read(key)
  } catch (error) {
    if (error instanceof MeshError) return undefined
    throw error
  }
}
