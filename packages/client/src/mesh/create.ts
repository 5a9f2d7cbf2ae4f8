/** Founds a mesh: genesis, broker entry and the key of epoch 1. */
import { rosterEntryHash, type Signer, signHello, signRosterEntry } from '@claudemesh/crypto'
import { epochCommitment, newEpochKey, sealName } from '@claudemesh/crypto/sealing'
import { MeshError, type RosterEntry } from '@claudemesh/protocol'
import { dial } from '../connection/link.ts'
import { byTimeout } from '../connection/schedule.ts'
import type { MeshIdentity, Schedule } from '../types.ts'
import type { MeshSeed } from './seed.ts'

export interface CreateMeshRequest {
  /** `ws(s)://host/ws`. */
  readonly url: string
  /** The host that stands in `url`; the roster names it. */
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
  /** Default: `setTimeout`. */
  readonly schedule?: Schedule
}

/** Throws `unreachable`, `forbidden`, `unauthenticated`, `timeout`, or what `persist` throws. */
export async function createMesh(request: CreateMeshRequest): Promise<MeshSeed> {
  const { url, host, member } = request
  const epochKey = newEpochKey()
  const genesis = composeGenesis(request, epochKey)
  const mesh = rosterEntryHash(genesis)
  let seed: MeshSeed | undefined
  // The roster names the broker's key, so the challenge comes first; `hello` waits until the seed is safe.
  const link = await dial({
    url,
    webSocket: request.webSocket ?? WebSocket,
    schedule: request.schedule ?? byTimeout,
    hello: async ({ nonce, brokerKey }) => {
      const broker = signRosterEntry(
        {
          mesh,
          seq: 1,
          prev: mesh,
          at: genesis.at,
          author: member.publicKey,
          kind: 'broker',
          body: { hosts: [host], key: brokerKey, log: null },
        },
        member,
      )
      const entries: RosterEntry[] = [genesis, broker]
      seed = { mesh, entries, epochs: [{ number: 1, key: epochKey }], host, url }
      await request.persist?.(seed)
      const signature = signHello({ nonce, brokerKey, host, mesh, key: member })
      const token = request.token === undefined ? {} : { token: request.token }
      return { type: 'hello', as: 'create', mesh, key: member.publicKey, host, signature, entries, ...token }
    },
  })
  link.close()
  if (!seed) throw new MeshError('internal', 'the mesh was welcomed before it was named')
  return seed
}

function composeGenesis(request: CreateMeshRequest, epochKey: Uint8Array) {
  const { member, agreement, name, memberName } = request
  const seal = (text: string, what: 'mesh' | 'member') =>
    sealName({ name: text, epochKey, epoch: 1, mesh: null, author: member.publicKey, what })
  return signRosterEntry(
    {
      mesh: null,
      seq: 0,
      prev: null,
      at: request.now(),
      author: member.publicKey,
      kind: 'genesis',
      body: {
        random: crypto.getRandomValues(new Uint8Array(32)),
        bundle: agreement.bundle,
        meshName: seal(name, 'mesh'),
        name: seal(memberName, 'member'),
        commitment: epochCommitment(1, epochKey),
      },
    },
    member,
  )
}
