/** A new mesh on this broker: its genesis and broker entry verify, name this broker, and whoever founds it may. */
import { timingSafeEqual } from 'node:crypto'
import { applyEntry, openRoster, type Roster, rosterEntryHash } from '@claudemesh/crypto'
import { type ClientFrameOf, equalBytes, MeshError } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import type { Connection } from '../ws/connection.ts'
import type { MeshState } from './mesh-state.ts'

type Create = Extract<ClientFrameOf<'hello'>, { as: 'create' }>

/** Founds the mesh; a repeat of the same two entries finds it standing. Throws `forbidden`, `integrity`, `clock`, `bad-field`, `conflict`. */
export async function foundMesh(broker: Broker, connection: Connection, hello: Create): Promise<MeshState> {
  checkMay(broker, connection, hello.token)
  const now = broker.clock.now()
  const roster = verified(hello, now)
  checkNamesUs(broker, roster, hello)
  const entries = hello.entries.map(entry => ({ entry, hash: rosterEntryHash(entry) }))
  const { created } = await broker.db.createMesh({ mesh: hello.mesh, entries, now })
  if (created) broker.log.info('mesh.founded')
  return broker.meshes.open(hello.mesh)
}

function checkMay({ settings }: Broker, { local }: Connection, token: string | undefined): void {
  const { MESH_CREATE, MESH_CREATE_TOKEN } = settings
  if (MESH_CREATE === 'open' || (MESH_CREATE === 'local' && local)) return
  if (MESH_CREATE === 'local')
    throw new MeshError('forbidden', 'Meshes are founded on the machine of the broker only: see MESH_CREATE.')
  if (token === undefined || MESH_CREATE_TOKEN === undefined || !equalSecrets(token, MESH_CREATE_TOKEN))
    throw new MeshError('forbidden', 'Founding a mesh here asks for a token.', { field: 'token' })
}

const equalSecrets = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))
const digest = (text: string) => new Bun.CryptoHasher('sha256').update(text).digest()

function verified({ entries, mesh, key }: Create, now: number): Roster {
  const [genesis, brokerEntry] = entries
  if (genesis === undefined || brokerEntry?.kind !== 'broker')
    throw new MeshError('bad-field', 'A genesis and a broker entry are expected.', { field: 'entries' })
  const roster = openRoster(genesis, mesh)
  if (!equalBytes(genesis.author, key))
    throw new MeshError('unauthenticated', 'Only the author of the genesis founds the mesh.', {
      field: 'key',
    })
  applyEntry(roster, brokerEntry, { now })
  return roster
}

function checkNamesUs({ key, hosts }: Broker, { broker }: Roster, { host }: Create): void {
  if (broker === null || !equalBytes(broker.key, key.publicKey))
    throw new MeshError('bad-field', 'The broker entry names another key than this broker has.', {
      field: 'entries[1].body.key',
    })
  if (!broker.hosts.includes(host) || !broker.hosts.every(named => hosts.includes(named)))
    throw new MeshError(
      'bad-field',
      'The broker entry names hosts this broker does not answer to: see PUBLIC_HOSTS.',
      { field: 'entries[1].body.hosts', facts: { hosts } },
    )
}
