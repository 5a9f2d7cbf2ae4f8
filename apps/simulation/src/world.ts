/** A mesh on simulated ground: the database, a broker, machines of members, and the wires between them. */
import {
  createMesh,
  joinByInvite,
  MeshClient,
  type MeshIdentity,
  type MeshSeed,
  type SessionIdentity,
  seedStore,
} from '@claudemesh/client'
import { memoryStore } from '@claudemesh/client/memory-store'
import { generateSigner, uuidText } from '@claudemesh/crypto'
import { generateAgreement } from '@claudemesh/crypto/sealing'
import { MeshError } from '@claudemesh/protocol'
import { BrokerNode, HOST, type NodeParts } from './broker-node.ts'
import { reachable, type Weather } from './database.ts'
import { Machine } from './machine.ts'
import { Network } from './network.ts'
import type { PlantedBug } from './planted-bugs.ts'
import { openRandom } from './random.ts'
import type { Recorder } from './recorder.ts'
import { Process, Scheduler } from './scheduler.ts'
import { storageModel, Tables } from './storage/index.ts'
import { type Call, observed } from './storage/observed.ts'

const URL = `ws://${HOST}/ws`

export interface WorldOptions {
  readonly seed: number
  /** Sessions of each machine beside its person; the first machine is the owner's. */
  readonly sessions: readonly number[]
  /** Nodes of the broker. */
  readonly nodes: number
  /** Longest way of a frame and of a query, ms. */
  readonly latencyMs: number
  readonly databaseMs: number
  readonly bug: PlantedBug
  /** Hears what the database was asked and answered, in its order. */
  readonly asked: (call: Call, at: number) => void
  readonly recorder: Recorder
}

export interface World {
  readonly scheduler: Scheduler
  readonly network: Network
  readonly recorder: Recorder
  readonly tables: Tables
  /** Nodes of one broker, on one database. */
  readonly nodes: readonly BrokerNode[]
  readonly brokerKey: Uint8Array
  /** How far the broker's clock is off, and how its database is. */
  readonly weather: Weather & { skewMs: number }
  readonly machines: readonly Machine[]
  readonly mesh: Uint8Array
}

/** Founds the mesh, lets everybody join by one invite, and starts all machines. */
export async function makeWorld({
  seed,
  sessions,
  nodes: count,
  latencyMs,
  databaseMs,
  bug,
  asked,
  recorder,
}: WorldOptions): Promise<World> {
  const scheduler = new Scheduler(recorder.step)
  recorder.by(scheduler.now)
  const network = new Network({
    scheduler,
    random: openRandom(seed, 'network'),
    latencyMs,
    sent: recorder.frame,
  })
  const tables = new Tables(scheduler.now)
  const model = observed(storageModel(tables), call => asked(call, scheduler.now()))
  const weather = { latencyMs: databaseMs, lossy: 0, skewMs: 0 }
  const key = generateSigner()
  const databaseRandom = openRandom(seed, 'database')
  const parts: Omit<NodeParts, 'name'> = {
    scheduler,
    network,
    key,
    skewMs: () => weather.skewMs,
    store(process) {
      const told: typeof model = {
        ...model,
        commit(batch) {
          const outcome = model.commit(batch)
          for (const [i, { error, seq, repeat }] of outcome.accepts.entries())
            if (error === null && !repeat)
              recorder.event({ type: 'committed', id: uuidText(batch.accepts[i]!.id), seq })
          return outcome
        },
      }
      const store = reachable(told, { scheduler, random: databaseRandom, process, weather })
      return bug.broker?.(store, { scheduler, process, tables }) ?? store
    },
    broke(event, cause) {
      // What the weather does to a database is no fault of a broker.
      const isWeather = cause instanceof MeshError && ['unavailable', 'timeout'].includes(cause.code)
      recorder.event({ type: isWeather ? 'nemesis' : 'broke', what: `${event}: ${String(cause)}` })
    },
  }
  const nodes = Array.from({ length: count }, (_, i) => new BrokerNode({ ...parts, name: `node${i}` }))
  for (const node of nodes) node.start()
  await scheduler.run(Number.POSITIVE_INFINITY, () => nodes.every(node => node.ready))

  const done = async <T>(work: Promise<T>): Promise<T> => {
    let over = false
    const end = () => {
      over = true
    }
    work.then(end, end)
    await scheduler.run(Number.POSITIVE_INFINITY, () => over)
    return work
  }
  const machines: Machine[] = []
  let link = ''
  let founded: MeshSeed | undefined
  for (const [i, own] of sessions.entries()) {
    const name = `m${i}`
    const keys = { member: generateSigner(), agreement: generateAgreement() }
    const store = memoryStore()
    const newcomer = new Process(name)
    const webSocket = network.webSocket(newcomer, name)
    const schedule = (ms: number, work: () => void) => scheduler.after(newcomer, ms, work)
    const as = { ...keys, memberName: name, now: scheduler.now, webSocket, schedule }
    const seedOf = founded
      ? await done(joinByInvite({ ...as, link }))
      : await done(createMesh({ ...as, url: URL, host: HOST, name: 'mesh' }))
    seedStore(store, seedOf)
    const identity: MeshIdentity = { mesh: seedOf.mesh, url: URL, host: HOST, ...keys }
    machines.push(
      new Machine({
        name,
        identity,
        sessions: Array.from({ length: own }, newSession),
        store,
        scheduler,
        network,
        random: openRandom(seed, name),
        record: recorder.event,
        faulty: (own, process) =>
          bug.client?.(own, (ms, work) => void scheduler.after(process, ms, work)) ?? own,
        tellsFirst: bug.tellsFirst === true,
      }),
    )
    if (founded) continue
    founded = seedOf
    const process = new Process(name)
    const owner = new MeshClient({
      identity,
      store,
      now: scheduler.now,
      schedule: (ms, work) => scheduler.after(process, ms, work),
      random: () => 0,
      webSocket: network.webSocket(process, name),
      log: () => {},
    })
    owner.start()
    await scheduler.run(Number.POSITIVE_INFINITY, () => owner.state === 'online')
    link = (await done(owner.invite({ role: 'member', uses: 100, expiresMs: 3_600_000 }))).link
    await done(owner.stop())
  }
  for (const machine of machines) machine.start()
  const isOnline = ({ client }: Machine) => client?.state === 'online'
  await scheduler.run(Number.POSITIVE_INFINITY, () => machines.every(isOnline))
  return {
    scheduler,
    network,
    recorder,
    tables,
    nodes,
    brokerKey: key.publicKey,
    weather,
    machines,
    mesh: founded!.mesh,
  }
}

function newSession(): SessionIdentity {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return { uuid: uuidText(bytes), signer: generateSigner() }
}
