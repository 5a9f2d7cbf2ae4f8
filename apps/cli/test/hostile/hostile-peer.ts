/** A member with a client of its own: nothing between it and the mesh refuses what it calls itself. */
import { createMesh, MeshClient, type MeshSeed, seedStore } from '@claudemesh/client'
import { generateSigner } from '@claudemesh/crypto'
import { generateAgreement } from '@claudemesh/crypto/sealing'
import { type Profile, toBase64url } from '@claudemesh/protocol'
import { openMeshStore } from '../../src/daemon/store/client-store.ts'
import { openStoreFile } from '../../src/daemon/store/store-file.ts'
import { whenOnline } from '../../src/daemon/when-online.ts'

export interface HostilePeer {
  readonly client: MeshClient
  /** Lets somebody in. */
  link(): Promise<string>
  openSession(uuid: string, profile: Profile): Promise<void>
  close(): Promise<void>
}

/** Founds a mesh on `broker` (`http://host:port`); its store lies at `path`. */
export async function hostilePeer(p: {
  broker: string
  path: string
  meshName: string
  memberName: string
}): Promise<HostilePeer> {
  const { host } = new URL(p.broker)
  const url = `ws://${host}/ws`
  const keys = { member: generateSigner(), agreement: generateAgreement() }
  const file = openStoreFile(p.path)
  const storeOf = ({ mesh }: MeshSeed) => openMeshStore(file, toBase64url(mesh))
  const seed = await createMesh({
    ...keys,
    url,
    host,
    name: p.meshName,
    memberName: p.memberName,
    now: Date.now,
    persist: made => seedStore(storeOf(made), made),
  })
  const client = new MeshClient({
    identity: { mesh: seed.mesh, url, host, ...keys },
    store: storeOf(seed),
    now: Date.now,
    log: () => {},
  })
  client.start()
  await whenOnline(client)
  return {
    client,
    link: async () => (await client.invite({ role: 'member', uses: 9, expiresMs: 3_600_000 })).link,
    openSession: (uuid, profile) => client.openSession({ uuid, signer: generateSigner(), profile }),
    close: async () => {
      await client.stop()
      file.close()
    },
  }
}
