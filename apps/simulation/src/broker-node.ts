/** A broker process of the simulation: the real broker on a simulated clock, network and database, which outlives it. */
import {
  type Clock,
  noBackplane,
  readSettings,
  runBroker,
  type SocketData,
  socketHandlers,
  upgrade,
} from '@claudemesh/broker'
import type { Signer } from '@claudemesh/crypto'
import type { BrokerStore } from '@claudemesh/db'
import { toBase64url } from '@claudemesh/protocol'
import type { Network } from './network.ts'
import { Process, type Scheduler } from './scheduler.ts'

export const HOST = 'broker.example'

export interface NodeParts {
  readonly name: string
  readonly scheduler: Scheduler
  readonly network: Network
  readonly key: Signer
  /** The database as this process reaches it. */
  readonly store: (process: Process) => BrokerStore
  /** ms that its clock is off. */
  readonly skewMs: () => number
  /** A line of its log, where it says that something broke. */
  readonly broke: (event: string, cause: unknown) => void
}

/** What a supervisor waits before it starts a program again. */
const RESTART_MS = 1000

const silent = () => {}

export class BrokerNode {
  readonly #o: NodeParts
  #process: Process | null = null
  #stop: (() => Promise<void>) | null = null

  constructor(o: NodeParts) {
    this.#o = o
  }

  get up(): boolean {
    return this.#process?.alive === true
  }

  /** It listens. */
  get ready(): boolean {
    return this.up && this.#stop !== null
  }

  start(): void {
    if (this.up) return
    const { name, scheduler, network, key, store, skewMs, broke } = this.#o
    const process = new Process(name)
    this.#process = process
    this.#stop = null
    const clock: Clock = {
      now: () => scheduler.now() + skewMs(),
      elapsed: () => scheduler.now(),
      every: (ms, tick) => scheduler.every(process, ms, tick),
      after: (ms, ring) => scheduler.after(process, ms, ring),
    }
    const log = { debug: silent, info: silent, warn: silent, error: broke }
    const settings = readSettings({
      DATABASE_URL: 'postgres://simulated',
      BROKER_KEY: toBase64url(key.secretKey.subarray(0, 32)),
      MESH_CREATE: 'open',
      PUBLIC_HOSTS: HOST,
      NODE_NAME: name,
    })
    const running = runBroker(
      settings,
      { clock, log, key, db: store(process), backplane: noBackplane },
      broker => {
        network.listen({
          process,
          handlers: socketHandlers(broker),
          admit(address, protocol) {
            let admitted: SocketData | null = null
            const request = new Request(`http://${HOST}/ws`, {
              headers: { 'Sec-WebSocket-Protocol': protocol },
            })
            const server = {
              upgrade(_request: Request, options: { data: SocketData }) {
                admitted = options.data
                return true
              },
            }
            upgrade(broker, request, server as never, { address, local: false })
            return admitted
          },
        })
        return {
          hosts: [HOST],
          async close() {
            network.unlisten(process)
          },
        }
      },
    )
    running.then(
      ({ stop }) => {
        this.#stop = stop
      },
      cause => {
        // The program ends with an error, and its supervisor starts it again.
        broke('broker.start', cause)
        process.alive = false
        scheduler.after(null, RESTART_MS, () => this.start())
      },
    )
  }

  /** The process is gone; what its database was asked may still be done. */
  crash(silently: boolean): void {
    const process = this.#process
    if (!process?.alive) return
    this.#o.network.died(process, silently)
    this.#o.network.unlisten(process)
    process.alive = false
  }

  /** Drains, and is gone when that is over, or after 9.5 s, as the program does on SIGTERM. */
  stop(): void {
    const process = this.#process
    if (!process?.alive || !this.#stop) return
    const gone = () => {
      if (this.#process === process) this.crash(false)
    }
    this.#o.scheduler.after(process, 9500, gone)
    this.#stop().then(gone, gone)
  }
}
