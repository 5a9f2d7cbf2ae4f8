/** Machines of a mesh whose homes lie on the disk as a daemon's do: key files, SQLite, and a client on both. */
import { randomUUID } from 'node:crypto'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { MeshClient, type MeshSeed, type SendRequest, seedStore } from '@claudemesh/client'
import type { Signer } from '@claudemesh/crypto'
import type { generateAgreement } from '@claudemesh/crypto/sealing'
import { type Recipient, toBase64url } from '@claudemesh/protocol'
import { onTestFinished } from 'vitest'
import { deriveRoster } from '../../../../packages/client/test/roster-of.ts'
import { type MeshStore, openMeshStore } from '../../src/daemon/store/client-store.ts'
import { openStoreFile } from '../../src/daemon/store/store-file.ts'
import { homePaths, openSessionKey, writeMemberFile } from '../../src/home/index.ts'
import { scratchFolder } from '../daemon/scratch.ts'
import { Relay } from './relay.ts'
import { settled, type TurnedClock } from './turned-clock.ts'

export interface Machine {
  readonly home: string
  readonly store: MeshStore
  readonly client: MeshClient
  /** Its one session. */
  readonly uuid: string
  readonly session: Recipient
  readonly person: Recipient
  /** Connects; resolves when all that followed has come to rest. */
  connect(): Promise<void>
  disconnect(): Promise<void>
  /** A copy of the whole disk as it is at this instant. */
  copyDisk(): string
  /** The same person on a copy of her disk, as after a restore. */
  restored(home: string): Machine
}
export interface Mesh {
  readonly relay: Relay
  readonly seed: MeshSeed
  readonly machines: Machine[]
}

export function meshOf(count: number, clock: TurnedClock): Mesh {
  const { people, seed, brokerKey } = deriveRoster(count, clock.now())
  const relay = new Relay(seed, brokerKey, clock.now)
  return { relay, seed, machines: people.map(person => machineOf(person, { relay, seed, clock })) }
}

interface Surroundings {
  readonly relay: Relay
  readonly seed: MeshSeed
  readonly clock: TurnedClock
}

interface Person {
  readonly member: Signer
  readonly agreement: ReturnType<typeof generateAgreement>
}

function machineOf(
  person: Person,
  surroundings: Surroundings,
  home = join(scratchFolder(), 'home'),
  uuid: string = randomUUID(),
): Machine {
  const { relay, seed, clock } = surroundings
  const { mesh, url, host } = seed
  const id = toBase64url(mesh)
  mkdirSync(home, { recursive: true })
  const paths = homePaths(home)
  const memberSeed = person.member.secretKey.slice(0, 32)
  const { secret } = person.agreement
  writeMemberFile(paths, { version: 1, mesh, url, host, memberSeed, agreement: secret, pending: false })
  const signer = openSessionKey(paths, id, uuid)
  const file = openStoreFile(paths.store)
  const store = openMeshStore(file, id)
  seedStore(store, seed)
  const client = new MeshClient({
    identity: { mesh, url, host, ...person },
    store,
    now: clock.now,
    log: () => {},
    random: () => 0,
    webSocket: relay.webSocket(),
    schedule: clock.schedule,
  })
  onTestFinished(async () => {
    await client.stop()
    file.close()
  })
  return {
    home,
    store,
    client,
    uuid,
    session: { member: person.member.publicKey, session: signer.publicKey },
    person: { member: person.member.publicKey, session: null },
    async connect() {
      const profile = { name: 'api', role: '', groups: [], summary: 'the summary', directory: '/src' }
      await client.openSession({ uuid, signer, profile })
      client.start()
      await settled()
    },
    async disconnect() {
      await client.stop()
    },
    copyDisk() {
      const copy = join(scratchFolder(), 'home')
      cpSync(home, copy, { recursive: true })
      return copy
    },
    restored: copy => machineOf(person, surroundings, copy, uuid),
  }
}

export const text = (from: Machine, to: Recipient, body: string): SendRequest => ({
  from: from.uuid,
  to: [to],
  text: body,
  priority: 'next',
  ttlMs: 86_400_000,
  replyTo: null,
  threadId: null,
})
