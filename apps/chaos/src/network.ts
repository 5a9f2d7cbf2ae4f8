/** The network between machines and brokers: a TCP proxy that reads what is promised on it, and slows, cuts and resets what it is told to. */
import { connect, createServer, type Socket } from 'node:net'
import { type HistoryEvent, promisesIn } from '@claudemesh/simulation'
import { type WireFrame, WireFrames } from './web-socket-frames.ts'

/** `stalled`: bytes wait, and come when it is healed. `black-hole`: they are gone, and neither end is told until then. */
type Cut = 'stalled' | 'black-hole'
type Direction = 'up' | 'down'

export interface Network {
  readonly port: number
  /** Between reading and passing on, ms. */
  latencyMs: number
  /** Bytes a second and direction of a connection; infinite by default. */
  bytesPerSecond: number
  /** Where connections go: each new one to the next that answers. */
  route(ports: readonly number[]): void
  /** Cuts what the member (base64url) has, and what it opens meanwhile. */
  cut(member: string, how: Cut): void
  heal(member: string): void
  /** RST to both ends, now. */
  reset(member: string): void
  /** The next data frame of the member in this direction goes half its way, and then RST. */
  resetInFrame(member: string, direction: Direction): void
  close(): Promise<void>
}

interface Wire {
  readonly ends: readonly Socket[]
  member: string | null
  cut: Cut | null
  breaksIn: Direction | null
  readonly held: (() => void)[]
}

/** `record` hears what frames promise, as they come in. */
export async function startNetwork(record: (event: HistoryEvent) => void): Promise<Network> {
  const wires = new Set<Wire>()
  const cuts = new Map<string, Cut>()
  let targets: readonly number[] = []
  let turn = 0

  const listener = createServer({ noDelay: true }, client => {
    client.on('error', () => client.destroy())
    turn++
    dial(
      client,
      targets.map((_, i) => targets[(turn + i) % targets.length]!),
    )
  })

  function dial(client: Socket, [port, ...others]: readonly number[]): void {
    if (port === undefined) return void client.destroy()
    const server = connect({ port, host: '127.0.0.1', noDelay: true })
    server.once('error', () => dial(client, others))
    server.once('connect', () => join(client, server))
  }

  function join(client: Socket, server: Socket): void {
    const wire: Wire = { ends: [client, server], member: null, cut: null, breaksIn: null, held: [] }
    wires.add(wire)
    for (const end of wire.ends) {
      end.on('error', () => end.destroy())
      // While one end is left, it is to be told when the cut is over.
      end.on('close', () => wire.ends.every(each => each.destroyed) && wires.delete(wire))
    }
    pass(wire, 'up', client, server)
    pass(wire, 'down', server, client)
  }

  function pass(wire: Wire, direction: Direction, from: Socket, to: Socket): void {
    const frames = new WireFrames()
    let read = 0
    let due = 0
    /** In order, each at its time; while the wire is stalled, when it is healed. */
    const deliver = (bytes: number, work: () => void): void => {
      const run = (): void => {
        if (wire.cut === 'black-hole') return
        if (wire.cut === 'stalled' || wire.held.length > 0) wire.held.push(work)
        else work()
      }
      const now = performance.now()
      due = Math.max(due, now + network.latencyMs) + (bytes / network.bytesPerSecond) * 1000
      if (due - now < 1) run()
      else setTimeout(run, due - now)
    }
    from.on('data', (chunk: Buffer) => {
      const at = read
      read += chunk.length
      const found = frames.push(chunk)
      for (const frame of found) learn(wire, frame)
      const broken = wire.breaksIn === direction ? found.find(({ isBinary }) => isBinary) : undefined
      if (!broken) return deliver(chunk.length, () => to.write(chunk))
      wire.breaksIn = null
      const half = Math.floor((broken.start + broken.end) / 2) - at
      deliver(0, () => to.write(chunk.subarray(0, Math.max(0, half)), () => breakOff(wire)))
    })
    from.on('close', () => deliver(0, () => to.destroy()))
  }

  /** Who it is stands in the client's first word. */
  function learn(wire: Wire, { isBinary, payload }: WireFrame): void {
    if (isBinary) {
      for (const event of promisesIn(payload)) record(event)
      return
    }
    if (wire.member !== null) return
    const said = JSON.parse(new TextDecoder().decode(payload)) as { type: string; as?: string; key?: string }
    if (said.type !== 'hello' || said.as !== 'member' || said.key === undefined) return
    wire.member = said.key
    wire.cut = cuts.get(said.key) ?? null
  }

  const of = (member: string): Wire[] => [...wires].filter(wire => wire.member === member)
  const network: Network = {
    port: 0,
    latencyMs: 0,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    route(ports) {
      targets = ports
    },
    cut(member, how) {
      cuts.set(member, how)
      // What a black hole has swallowed no other cut brings back: on such a wire nothing may come any more.
      for (const wire of of(member)) if (wire.cut !== 'black-hole') wire.cut = how
    },
    heal(member) {
      cuts.delete(member)
      for (const wire of of(member)) {
        if (wire.cut === 'black-hole') breakOff(wire)
        wire.cut = null
        for (const work of wire.held.splice(0)) work()
      }
    },
    reset(member) {
      for (const wire of of(member)) breakOff(wire)
    },
    resetInFrame(member, direction) {
      for (const wire of of(member)) wire.breaksIn = direction
    },
    close() {
      for (const wire of wires) for (const end of wire.ends) end.destroy()
      return new Promise(resolve => listener.close(() => resolve()))
    },
  }
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  return Object.assign(network, { port: (listener.address() as { port: number }).port })
}

/** Both ends learn at once that it is over (RFC 9293 section 3.5.2). */
function breakOff({ ends }: Wire): void {
  for (const end of ends) end.resetAndDestroy()
}
