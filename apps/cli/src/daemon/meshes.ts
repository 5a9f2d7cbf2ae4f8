/** The meshes of this home: each with its keys, its store and its client, from the first moment of membership to the last. */

import {
  createMesh,
  MeshClient,
  type MeshSeed,
  type OpenInvite,
  openInvite,
  previewInvite,
  seedStore,
} from '@claudemesh/client'
import { MeshError, toBase64url } from '@claudemesh/protocol'
import {
  type HomePaths,
  listMemberFiles,
  type MemberFile,
  readMemberFile,
  removeMemberFiles,
  writeMemberFile,
} from '../home/index.ts'
import { brokerAddress } from './broker-url.ts'
import { chooseOne } from './choose-one.ts'
import type { DaemonLog } from './log.ts'
import { cryptoKeys, type Keys, newKeys } from './member-keys.ts'
import { type Limits, limitsOf } from './noise/limits.ts'
import { type PausedLoops, pausedLoopsOf } from './noise/paused-loops.ts'
import { refusalsOf } from './noise/refusals.ts'
import { type Blocks, blocksOf } from './store/blocks.ts'
import { eraseMeshStore, type MeshStore, openMeshStore } from './store/client-store.ts'
import type { StoreFile } from './store/store-file.ts'
import { whenFollowed, whenOnline } from './when-online.ts'

export interface OpenMesh {
  /** Base64url of the mesh id. */
  readonly id: string
  readonly store: MeshStore
  readonly client: MeshClient
  readonly blocks: Blocks
  readonly limits: Limits
  readonly loops: PausedLoops
}

export interface MeshProblem {
  readonly code: string
  readonly message: string
  /** Id of the mesh. */
  readonly mesh: string
}

interface MeshesOptions {
  readonly paths: HomePaths
  readonly file: StoreFile
  readonly now: () => number
  readonly log: DaemonLog
  /** Called before the client connects. */
  readonly onOpen: (mesh: OpenMesh) => void | Promise<void>
  /** It was left. */
  readonly onClose: (mesh: OpenMesh) => void
}

export class Meshes {
  readonly #o: MeshesOptions
  readonly #open = new Map<string, OpenMesh>()
  /** By mesh: opening one prepares some fifty statements, and a join would do it three times. */
  readonly #stores = new Map<string, MeshStore>()
  /** Meshes whose files are damaged: told, and left as they are. */
  readonly problems: MeshProblem[] = []

  constructor(options: MeshesOptions) {
    this.#o = options
  }

  get all(): OpenMesh[] {
    return [...this.#open.values()]
  }

  /** Opens every mesh of the home; a damaged one is a problem of its own and stops no other. */
  async load(): Promise<void> {
    for (const id of listMemberFiles(this.#o.paths))
      try {
        const member = readMemberFile(this.#o.paths, id)
        if (member) await this.#start(member)
      } catch (error) {
        if (!(error instanceof MeshError)) throw error
        this.problems.push({ code: error.code, message: error.message, mesh: id })
        this.#o.log('mesh.unusable', { mesh: id, code: error.code })
      }
  }

  /** By name, or a prefix (6 or more) of the id; the only one if nothing is named. Throws `not-found`, `ambiguous`. */
  find(named: string | undefined): OpenMesh {
    const all = this.all
    if (all.length === 0)
      throw new MeshError(
        'not-found',
        'No mesh yet. Join one: claudemesh join <link>; or found one: claudemesh up',
        {
          field: 'mesh',
        },
      )
    const fits = all.filter(
      mesh =>
        named === undefined ||
        mesh.client.view().name === named ||
        (named.length >= 6 && mesh.id.startsWith(named)),
    )
    const label = (mesh: OpenMesh) => `${mesh.client.view().name} (${mesh.id.slice(0, 8)})`
    return chooseOne(fits, all, label, {
      field: 'mesh',
      none: `No mesh is called ${named}.`,
      many:
        named === undefined ? 'Several meshes are joined: say which.' : `Several meshes are called ${named}.`,
    })
  }

  async create(p: {
    name: string
    broker: string
    memberName: string
    token?: string | undefined
  }): Promise<OpenMesh> {
    const keys = newKeys()
    const { url, host } = brokerAddress(p.broker)
    let begun: string | undefined
    try {
      const seed = await createMesh({
        url,
        host,
        ...cryptoKeys(keys),
        name: p.name,
        memberName: p.memberName,
        ...(p.token === undefined ? {} : { token: p.token }),
        now: this.#o.now,
        persist: seed => {
          begun = toBase64url(this.#persist(seed, keys).mesh)
        },
      })
      return await this.#settle(seed, keys)
    } catch (error) {
      // Whatever the broker heard of it, nobody else knows of this mesh or can join it.
      if (begun !== undefined) this.#erase(begun)
      throw error
    }
  }

  preview(link: string) {
    return previewInvite({ link, now: this.#o.now })
  }

  /** Throws as `openInvite` and its `join`, and `conflict` where this home is a member already. */
  async join(link: string, memberName: string): Promise<OpenMesh> {
    const invite = await openInvite({ link, now: this.#o.now })
    try {
      return await this.#joinBy(invite, memberName)
    } finally {
      invite.close()
    }
  }

  async #joinBy({ preview, join }: OpenInvite, memberName: string): Promise<OpenMesh> {
    const id = toBase64url(preview.mesh)
    const held = readMemberFile(this.#o.paths, id)
    if (held && !held.pending) throw this.#joinedAlready(id, preview.meshName)
    // A join that was cut off: the broker may have taken it, and then this home is in already.
    const begun = this.#open.get(id)
    if (begun) await whenOnline(begun.client)
    if (begun?.client.state === 'online') return begun
    const keys = held ?? newKeys()
    await this.#stop(id)
    let member: MemberFile | undefined
    try {
      const seed = await join({
        ...cryptoKeys(keys),
        memberName,
        persist: seed => {
          member = this.#persist(seed, keys)
        },
      })
      return await this.#settle(seed, keys)
    } catch (error) {
      if (error instanceof MeshError && !isRefusal(error) && member) await this.#start(member)
      else if (!held) this.#erase(id)
      throw error
    }
  }

  /** Leaves, and forgets the keys. Who was removed, or is the only member, just forgets. */
  async leave(mesh: OpenMesh): Promise<void> {
    await whenOnline(mesh.client)
    const alone = mesh.client.view().members === 1
    if (mesh.client.state !== 'removed' && !alone) await mesh.client.leave()
    await this.#stop(mesh.id)
    this.#erase(mesh.id)
    this.#o.log('mesh.left', { mesh: mesh.id })
  }

  /** Moves the mesh to another address of its broker, for everybody who is invited from now on, and for this home. Throws as `moveBroker`, and `usage`. */
  async moveBroker({ id, client }: OpenMesh, broker: string): Promise<void> {
    const address = brokerAddress(broker)
    await whenOnline(client)
    await client.moveBroker(address)
    const member = readMemberFile(this.#o.paths, id)
    if (member) writeMemberFile(this.#o.paths, { ...member, ...address })
    await whenOnline(client)
  }

  /** The daemon ends; every session stays as it is for the next start. */
  async stop(): Promise<void> {
    await Promise.all(this.all.map(mesh => mesh.client.stop()))
    this.#open.clear()
  }

  #joinedAlready(id: string, name: string): MeshError {
    const removed = this.#open.get(id)?.client.state === 'removed'
    return new MeshError(
      'conflict',
      removed
        ? `You were removed from ${name}. Forget it first: claudemesh mesh leave ${id.slice(0, 8)}`
        : `You are a member of ${name} already.`,
    )
  }

  #persist(seed: MeshSeed, keys: Keys): MemberFile {
    const { mesh, url, host } = seed
    const { memberSeed, agreement } = keys
    const member = { version: 1 as const, mesh, url, host, memberSeed, agreement, pending: true }
    writeMemberFile(this.#o.paths, member)
    seedStore(this.#store(toBase64url(mesh)), seed)
    return member
  }

  async #settle(seed: MeshSeed, keys: Keys): Promise<OpenMesh> {
    const member = { ...this.#persist(seed, keys), pending: false }
    writeMemberFile(this.#o.paths, member)
    const open = await this.#start(member, seed)
    await whenFollowed(open.client)
    return open
  }

  /** `seed`: what the store was just given. */
  async #start(member: MemberFile, seed?: MeshSeed): Promise<OpenMesh> {
    const { now, log } = this.#o
    const { mesh, url, host } = member
    const id = toBase64url(mesh)
    const store = this.#store(id)
    const blocks = blocksOf(store.scope)
    const limits = limitsOf(store.scope)
    const client = new MeshClient({
      identity: { mesh, url, host, ...cryptoKeys(member) },
      store,
      ...(seed && { seed }),
      now,
      log: (event, facts) => log(event, { mesh: id, ...facts }),
      refuses: refusalsOf(store, blocks, limits),
    })
    const open: OpenMesh = { id, store, client, blocks, limits, loops: pausedLoopsOf(store.scope) }
    this.#open.set(id, open)
    client.on('state', ({ state, why }) => {
      log('mesh.state', { mesh: id, state, why: why?.code })
      if (state === 'online' && member.pending) {
        member = { ...member, pending: false }
        writeMemberFile(this.#o.paths, member)
      }
    })
    await this.#o.onOpen(open)
    client.start()
    return open
  }

  async #stop(id: string): Promise<void> {
    const open = this.#open.get(id)
    if (!open) return
    this.#o.onClose(open)
    this.#open.delete(id)
    await open.client.stop()
  }

  #store(id: string): MeshStore {
    const store = this.#stores.get(id) ?? openMeshStore(this.#o.file, id)
    this.#stores.set(id, store)
    return store
  }

  #erase(id: string): void {
    this.#stores.delete(id)
    removeMemberFiles(this.#o.paths, id)
    eraseMeshStore(this.#o.file, id)
  }
}

/** The broker answered, and it was a no. */
const isRefusal = (error: MeshError): boolean =>
  !['unreachable', 'timeout', 'unavailable', 'draining', 'internal'].includes(error.code)
