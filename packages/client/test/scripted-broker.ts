/** A broker in memory that says what the test tells it to: for lies and coincidences that no honest one can be made to show. */
import { rosterEntryHash, type Signer } from '@claudemesh/crypto'
import {
  type BrokerFrame,
  type ClientFrame,
  type DataFrame,
  decodeFrame,
  encodeBrokerFrame,
  encodeFrame,
  parseClientFrame,
} from '@claudemesh/protocol'
import { MeshClient, type MeshIdentity, type MeshSeed, seedStore } from '../src/index.ts'
import { memoryStore } from './memory-store.ts'

const refOf = (frame: Heard) => ('ref' in frame ? frame.ref : undefined)

type Heard = ClientFrame | DataFrame
/** Without `ref`, which is added; a string goes out as it is. */
type Answer = BrokerFrame | DataFrame | string

export class ScriptedBroker {
  readonly heard: Heard[] = []
  /** Asked first; `undefined` leaves the answer to an honest broker with nobody else on it. */
  script: (frame: Heard) => Answer | undefined = () => undefined
  readonly webSocket: typeof WebSocket
  #socket: { onmessage?: (event: { data: unknown }) => void; drop(): void } | undefined
  readonly #seed: MeshSeed
  readonly #brokerKey: Signer
  readonly #now: () => number

  constructor(seed: MeshSeed, brokerKey: Signer, now: () => number) {
    this.#seed = seed
    this.#brokerKey = brokerKey
    this.#now = now
    const broker = this
    class ScriptedSocket {
      readyState = 1
      onmessage?: (event: { data: unknown }) => void
      onclose?: (event: { code: number; reason: string }) => void
      constructor() {
        broker.#socket = this
        queueMicrotask(() =>
          broker.push({
            type: 'challenge',
            nonce: new Uint8Array(32),
            brokerKey: broker.#brokerKey.publicKey,
            time: now(),
          }),
        )
      }
      send(data: string | Uint8Array): void {
        queueMicrotask(() =>
          broker.#take(typeof data === 'string' ? parseClientFrame(data) : decodeFrame(data)),
        )
      }
      close(): void {
        if (this.readyState !== 1) return
        this.readyState = 3
        queueMicrotask(() => this.onclose?.({ code: 1000, reason: '' }))
      }
      drop(): void {
        this.close()
      }
    }
    this.webSocket = ScriptedSocket as unknown as typeof WebSocket
  }

  /** How often a frame of this type was heard. */
  count(type: Heard['type']): number {
    return this.heard.filter(frame => frame.type === type).length
  }
  push(answer: Answer): void {
    const isText = typeof answer === 'string'
    const isData = !isText && (answer.type === 'accepted' || answer.type === 'deliver')
    const data = isText ? answer : isData ? encodeFrame(answer).slice().buffer : undefined
    this.#socket?.onmessage?.({ data: data ?? encodeBrokerFrame(answer as BrokerFrame) })
  }
  drop(): void {
    this.#socket?.drop()
  }

  #take(frame: Heard): void {
    this.heard.push(frame)
    const answer = this.script(frame) ?? this.#honest(frame)
    if (!answer) return
    this.push(typeof answer === 'string' ? answer : ({ ...answer, ref: refOf(frame) } as Answer))
  }

  #honest(frame: Heard): BrokerFrame | undefined {
    const { entries, mesh } = this.#seed
    const time = this.#now()
    const headSeq = entries.length - 1
    const head = rosterEntryHash(entries[headSeq]!)
    const limits = { frameBytes: 1, bodyBytes: 1, recipientsPerEnvelope: 1, ttlMs: 1 }
    switch (frame.type) {
      case 'hello':
        return {
          type: 'welcome',
          mesh,
          limits: { ...limits, windowEnvelopes: 1, windowBytes: 1 },
          rosterSeq: headSeq,
          rosterHead: head,
          checkpoint: null,
          leaseMs: 90_000,
          time,
        }
      case 'attach':
        return { type: 'attached', recipient: frame.recipient, attachment: 1, queuedUpTo: 0 }
      case 'roster.get':
        return { type: 'roster', entries: entries.slice(frame.from), head, headSeq, copies: [] }
      case 'directory':
        return { type: 'directory', entries: [], cursor: null }
      case 'prekeys.get': {
        const nobody = { certificate: null, prekey: null, lease: 'offline' as const }
        return { type: 'prekeys', bundles: frame.recipients.map(recipient => ({ recipient, ...nobody })) }
      }
      case 'ping':
        return { type: 'pong', time }
      case 'ack':
        return undefined
      default:
        return { type: 'ok' }
    }
  }
}

/** A member on that broker whose timers the test rings. */
export function scriptedMember(
  broker: ScriptedBroker,
  seed: MeshSeed,
  person: Pick<MeshIdentity, 'member' | 'agreement'>,
  now: () => number,
  store = memoryStore(),
) {
  const timers: { ms: number; work: () => void }[] = []
  seedStore(store, seed)
  const client = new MeshClient({
    identity: { mesh: seed.mesh, url: seed.url, host: seed.host, ...person },
    store,
    now,
    log: () => {},
    random: () => 0,
    webSocket: broker.webSocket,
    schedule: (ms, work) => {
      const timer = { ms, work }
      timers.push(timer)
      return () => {
        if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1)
      }
    },
  })
  /** Rings the timers of this length, and lets what they began come to rest. */
  const ring = (ms: number): Promise<void> => {
    for (const timer of timers.filter(one => one.ms === ms)) {
      timers.splice(timers.indexOf(timer), 1)
      timer.work()
    }
    return settled()
  }
  return { client, ring, store }
}

/** Everything that is under way in memory has come to rest. */
export const settled = (): Promise<void> => new Promise(resolve => setImmediate(() => setImmediate(resolve)))
