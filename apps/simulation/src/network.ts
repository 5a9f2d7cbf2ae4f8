/** Simulated sockets between clients and a broker: late, cut off, reset, or half-open; within one direction bytes keep their order. */
import type { SocketData } from '@claudemesh/broker'
import type { ServerWebSocket, WebSocketHandler } from 'bun'
import { ClientSocket } from './client-socket.ts'
import type { Frame } from './frame.ts'
import type { Random } from './random.ts'
import type { Process, Scheduler } from './scheduler.ts'
import { serverSocket } from './server-socket.ts'

/** A node that listens at the one address of the simulated world. */
export interface Door {
  readonly process: Process
  readonly handlers: WebSocketHandler<SocketData>
  /** Answers an upgrade: the data of the socket, or `null` where it is refused. */
  admit(address: string, protocol: string): SocketData | null
}

/** How a machine is cut off: what is sent waits until it is healed, or is lost and nobody is told. */
export type Cut = 'stalled' | 'black-hole'

export interface NetworkOptions {
  readonly scheduler: Scheduler
  readonly random: Random
  /** Longest way of a frame, ms. */
  readonly latencyMs: number
  /** Every frame that is sent, before it is on its way; `from` is the address of the client, `up` from it. */
  readonly sent: (from: string, up: boolean, frame: Frame) => void
}

export class Network {
  readonly #o: NetworkOptions
  #doors: Door[] = []
  readonly #cuts = new Map<string, Cut>()
  readonly #wires = new Set<Wire>()
  /** Longest way of a frame now, ms. */
  latencyMs: number

  constructor(o: NetworkOptions) {
    this.#o = o
    this.latencyMs = o.latencyMs
  }

  listen(door: Door): void {
    this.#doors.push(door)
  }

  /** Nobody listens any more; sockets that are open stay. */
  unlisten(process: Process): void {
    this.#doors = this.#doors.filter(door => door.process !== process)
  }

  cut(address: string, how: Cut): void {
    this.#cuts.set(address, how)
  }

  /** What waited goes on; what was lost stays lost, and its sockets are reset as soon as one end speaks. */
  heal(address: string): void {
    this.#cuts.delete(address)
    for (const wire of this.#wires) if (wire.address === address) wire.resume()
  }

  cutOf = (address: string): Cut | undefined => this.#cuts.get(address)

  /** Resets the open sockets of an address: what is on its way is lost, in the middle of a frame or not. */
  reset(address: string): void {
    for (const wire of [...this.#wires]) if (wire.address === address) wire.break()
  }

  /** The kernel of a process that died closes its sockets; after a power failure nobody does. */
  died(process: Process, silently: boolean): void {
    for (const wire of [...this.#wires]) {
      const ends = wire.door.process === process ? 'server' : wire.process === process ? 'client' : null
      if (ends === null) continue
      if (silently) wire.lose('mute')
      else wire.hangUp(ends, 1006, '')
    }
  }

  /** The `WebSocket` of one process. */
  webSocket(process: Process, address: string): typeof WebSocket {
    const open = (socket: ClientSocket, protocol: string) => this.#open(process, address, socket, protocol)
    class Socket extends ClientSocket {
      constructor(_url: string, protocol: string) {
        super()
        open(this, protocol)
      }
    }
    return Socket as unknown as typeof WebSocket
  }

  way = (): number => 0.05 + this.#o.random.fraction() * this.latencyMs

  #open(process: Process, address: string, socket: ClientSocket, protocol: string): void {
    const { scheduler } = this.#o
    const refuse = () => scheduler.after(process, this.way(), () => socket.over(1006, ''))
    scheduler.after(null, this.way(), () => {
      // As behind a balancer: any node that listens.
      const door = this.#doors.length > 0 ? this.#o.random.pick(this.#doors) : null
      const cut = this.#cuts.get(address)
      // A lost SYN answers nothing: the caller's own deadline ends it.
      if (cut) return
      if (!process.alive) return
      const data = door?.process.alive ? door.admit(address, protocol) : null
      if (!door || !data) return void refuse()
      const wire = new Wire({ network: this, ...this.#o, process, address, door, socket, data })
      this.#wires.add(wire)
      wire.ended = () => this.#wires.delete(wire)
      wire.open()
    })
  }
}

interface WireParts extends Pick<NetworkOptions, 'scheduler' | 'sent'> {
  readonly network: Network
  readonly process: Process
  readonly address: string
  readonly door: Door
  readonly socket: ClientSocket
  readonly data: SocketData
}

/** One direction of a wire. */
interface Lane {
  readonly to: Process
  lastAt: number
  /** On its way, oldest first; kept while the machine is stalled. */
  readonly waiting: (() => void)[]
}

/** One open socket, both ends of it. */
class Wire {
  readonly #o: WireParts
  readonly #ws: ServerWebSocket<SocketData>
  readonly #up: Lane
  readonly #down: Lane
  /** `reset`: who speaks on it is told that it is gone; `mute`: nobody is there to say so. */
  #lost: 'reset' | 'mute' | null = null
  #closed = { client: false, server: false }
  ended: () => void = () => {}

  constructor(o: WireParts) {
    this.#o = o
    this.#up = { to: o.door.process, lastAt: 0, waiting: [] }
    this.#down = { to: o.process, lastAt: 0, waiting: [] }
    this.#ws = serverSocket(o.data, {
      send: frame => this.#send('down', frame),
      close: (code, reason) => this.hangUp('server', code, reason),
      ping: () =>
        this.#carry('down', () => this.#carry('up', () => this.#o.door.handlers.pong?.(this.#ws, NOTHING))),
    })
  }

  get address(): string {
    return this.#o.address
  }
  get process(): Process {
    return this.#o.process
  }
  get door(): Door {
    return this.#o.door
  }

  open(): void {
    const { socket, scheduler, door } = this.#o
    socket.connected(
      frame => this.#send('up', frame),
      (code, reason) => this.hangUp('client', code, reason),
    )
    scheduler.at(door.process, scheduler.time, () => door.handlers.open?.(this.#ws))
  }

  /** `end` closes: it is over there at once, and at the other end when that hears of it. */
  hangUp(end: 'client' | 'server', code: number, reason: string): void {
    const { scheduler, process, door } = this.#o
    if (this.#closed[end]) return
    if (end === 'client') scheduler.at(process, scheduler.time, () => this.#overAt('client', code, reason))
    else scheduler.at(door.process, scheduler.time, () => this.#overAt('server', code, reason))
    this.#carry(end === 'client' ? 'up' : 'down', () =>
      this.#overAt(end === 'client' ? 'server' : 'client', code, reason),
    )
  }

  /** Reset: both ends hear of it by themselves, and nothing on its way arrives. */
  break(): void {
    const { scheduler, network, process, door } = this.#o
    this.lose('reset')
    scheduler.after(process, network.way(), () => this.#overAt('client', 1006, ''))
    scheduler.after(door.process, network.way(), () => this.#overAt('server', 1006, ''))
  }

  /** Half-open from now on: whatever is sent is gone, and nobody is told before they speak. */
  lose(how: 'reset' | 'mute'): void {
    this.#lost ??= how
    this.#up.waiting.length = 0
    this.#down.waiting.length = 0
  }

  /** The machine is connected again. */
  resume(): void {
    for (const lane of [this.#up, this.#down])
      for (const run of lane.waiting.splice(0)) this.#later(lane, run)
  }

  #send(direction: 'up' | 'down', frame: Frame): void {
    const { sent, process, door, address, socket } = this.#o
    const [from, up] = direction === 'up' ? [process, true] : [door.process, false]
    if (!from.alive) return
    // A copy: who sent it may write over its bytes.
    const bytes = typeof frame === 'string' ? frame : frame.slice()
    sent(address, up, bytes)
    this.#carry(direction, () => {
      if (up) {
        if (!this.#closed.server) door.handlers.message?.(this.#ws, bytes as string & Buffer<ArrayBuffer>)
      } else if (!this.#closed.client) socket.arrived(bytes)
    })
  }

  #carry(direction: 'up' | 'down', arrive: () => void): void {
    const { network, address } = this.#o
    const lane = direction === 'up' ? this.#up : this.#down
    const cut = network.cutOf(address)
    if (cut === 'black-hole') this.lose('reset')
    if (this.#lost !== null) {
      // Whoever speaks on a lost wire that is no longer cut off is answered with a reset.
      if (cut === undefined && this.#lost === 'reset')
        this.#resetBack(direction === 'up' ? 'client' : 'server')
      return
    }
    if (cut === 'stalled') lane.waiting.push(arrive)
    else this.#later(lane, arrive)
  }

  #later(lane: Lane, arrive: () => void): void {
    const { scheduler, network, address } = this.#o
    const at = Math.max(lane.lastAt, scheduler.time + network.way())
    lane.lastAt = at
    scheduler.at(lane.to, at, () => {
      if (this.#lost !== null) return
      if (network.cutOf(address) === 'stalled') lane.waiting.push(arrive)
      else arrive()
    })
  }

  #resetBack(end: 'client' | 'server'): void {
    const { scheduler, network, process, door } = this.#o
    scheduler.after(end === 'client' ? process : door.process, network.way(), () =>
      this.#overAt(end, 1006, ''),
    )
  }

  #overAt(end: 'client' | 'server', code: number, reason: string): void {
    if (this.#closed[end]) return
    this.#closed[end] = true
    if (end === 'client') this.#o.socket.over(code, reason)
    else void this.#o.door.handlers.close?.(this.#ws, code, reason)
    if (this.#closed.client && this.#closed.server) this.ended()
  }
}

const NOTHING = Buffer.alloc(0)
