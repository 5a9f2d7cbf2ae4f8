/** A broker that lies: a real one behind a relay which holds its key and drops, changes, repeats or makes up whatever passes. */
import { generateSigner, recipientKey, type Signer } from '@claudemesh/crypto'
import {
  type AckFrame,
  type BrokerFrame,
  type ClientFrame,
  type DataFrame,
  type DeliveredEnvelope,
  decodeFrame,
  type Envelope,
  encodeBrokerFrame,
  encodeClientFrame,
  encodeFrame,
  type Fact,
  parseBrokerFrame,
  parseClientFrame,
  type Recipient,
  SUBPROTOCOL,
  toBase64url,
} from '@claudemesh/protocol'
import { type BrokerProcess, startBrokerProcess } from '@claudemesh/testkit'

export type FromBroker = BrokerFrame | DataFrame
export type FromClient = ClientFrame | DataFrame
/** One connection of one client. */
export interface Seat {
  /** Member key of its `hello`; `''` for an invite, or before it. */
  readonly member: string
  /** To the client, as from its broker; a string or bytes go out as they are. */
  say(frame: FromBroker | string | Uint8Array): void
  /** Ends it with this close code. */
  close(code: number, reason: string): void
}
/** What passes instead: `undefined` leaves the frame as it is, an empty list drops it. */
export interface Lie {
  fromBroker?(frame: FromBroker, seat: Seat): readonly (FromBroker | string | Uint8Array)[] | undefined
  fromClient?(frame: FromClient, seat: Seat): readonly FromClient[] | undefined
}

/** What is made up is numbered above whatever the real queue reaches. */
const MADE_UP = 2 ** 40

interface Attached {
  readonly seat: Seat
  readonly attachment: number
  /** Highest number of the real queue that was let through. */
  passed: number
}
interface Line {
  member: string
  client: Bun.ServerWebSocket<Line> | undefined
  broker: WebSocket | undefined
  readonly waiting: (string | Uint8Array<ArrayBuffer>)[]
  seat: Seat
}

export class LyingBroker {
  /** The broker's own: what it signs counts as the broker's. */
  readonly key: Signer = generateSigner(crypto.getRandomValues(new Uint8Array(32)))
  lie: Lie = {}
  /** Lies told since the last `honest()`. */
  told = 0
  /** Every envelope that clients sent, in order. */
  readonly sent: Envelope[] = []
  /** Told of every frame that passed. */
  onPassed: () => void = () => {}
  readonly #server: Bun.Server<Line>
  readonly #attached = new Map<string, Attached>()
  readonly #acked = new Map<number, () => void>()
  #made = MADE_UP
  #process: BrokerProcess | undefined

  private constructor() {
    this.#server = Bun.serve<Line>({
      hostname: '127.0.0.1',
      port: 0,
      fetch: (request, server) => this.#upgrade(request, server),
      websocket: {
        open: client => this.#open(client),
        message: (client, data) => this.#fromClient(client.data, data),
        close: client => client.data.broker?.close(),
      },
    })
  }

  /** Starts relay and broker process on a Postgres. */
  static async start(databaseUrl: string, seed: Uint8Array): Promise<LyingBroker> {
    const lying = new LyingBroker()
    Object.assign(lying, { key: generateSigner(seed) })
    lying.#process = await startBrokerProcess(databaseUrl, {
      BROKER_KEY: toBase64url(seed),
      PUBLIC_HOSTS: lying.host,
      LOG_LEVEL: 'error',
      CHECKPOINT_MS: '200',
      RATE_ENVELOPES: '0',
      RATE_FRAMES: '0',
      RATE_ADDRESS: '0',
    })
    return lying
  }

  /** `host:port` that clients dial. */
  get host(): string {
    return `127.0.0.1:${this.#server.port}`
  }
  honest(): void {
    this.lie = {}
    this.told = 0
  }
  async close(): Promise<void> {
    await this.#server.stop(true)
    await this.#process?.close()
  }

  /** Hands these to a recipient as if they stood in its queue; resolves when it has acknowledged them. */
  async deliver(to: Recipient, ...items: readonly (DeliveredEnvelope | Fact)[]): Promise<void> {
    const { seat, attachment } = this.#place(to)
    for (const item of items) {
      const seq = ++this.#made
      const acked = new Promise<void>(resolve => this.#acked.set(seq, resolve))
      const queue = { recipient: to, attachment }
      seat.say(
        'header' in item
          ? { type: 'deliver', ...queue, deliveries: [{ seq, envelope: item }] }
          : { type: 'fact', ...queue, facts: [{ seq, fact: item }] },
      )
      await acked
    }
  }
  /** The connection on which this recipient is attached. */
  seatOf(recipient: Recipient): Seat {
    return this.#place(recipient).seat
  }
  #place(recipient: Recipient): Attached {
    const found = this.#attached.get(recipientKey(recipient))
    if (!found) throw new Error('this recipient is not attached')
    return found
  }

  #upgrade(request: Request, server: Bun.Server<Line>): Response | undefined {
    const data: Line = { member: '', client: undefined, broker: undefined, waiting: [], seat: undefined! }
    const headers = { 'Sec-WebSocket-Protocol': SUBPROTOCOL }
    return server.upgrade(request, { data, headers }) ? undefined : new Response(null, { status: 426 })
  }

  #open(client: Bun.ServerWebSocket<Line>): void {
    const line = client.data
    line.client = client
    line.seat = {
      get member() {
        return line.member
      },
      say: frame => {
        this.told++
        this.#toClient(line, frame)
      },
      close: (code, reason) => {
        this.told++
        client.close(code, reason)
      },
    }
    const broker = new WebSocket(`${this.#process!.url.replace('http', 'ws')}/ws`, SUBPROTOCOL)
    broker.binaryType = 'arraybuffer'
    line.broker = broker
    broker.onopen = () => {
      for (const data of line.waiting.splice(0)) broker.send(data)
    }
    broker.onmessage = ({ data }) => this.#fromBroker(line, data)
    broker.onclose = ({ code, reason }) => client.close(code === 1005 ? 1000 : code, reason)
    broker.onerror = () => {}
  }

  #fromBroker(line: Line, data: unknown): void {
    const frame: FromBroker =
      typeof data === 'string'
        ? parseBrokerFrame(data, Number.MAX_SAFE_INTEGER)
        : decodeFrame(new Uint8Array(data as ArrayBuffer))
    if (frame.type === 'attached')
      this.#attached.set(recipientKey(frame.recipient), {
        seat: line.seat,
        attachment: frame.attachment,
        passed: 0,
      })
    const instead = this.lie.fromBroker?.(frame, line.seat)
    if (instead) this.told++
    for (const one of instead ?? [frame]) this.#toClient(line, one)
    this.onPassed()
  }

  #toClient(line: Line, frame: FromBroker | string | Uint8Array): void {
    if (typeof frame !== 'string' && !(frame instanceof Uint8Array)) this.#note(frame)
    line.client?.send(wire(frame, encodeBrokerFrame))
  }
  #note(frame: FromBroker): void {
    if (frame.type !== 'deliver' && frame.type !== 'fact') return
    const at = this.#attached.get(recipientKey(frame.recipient))
    const items = frame.type === 'deliver' ? frame.deliveries : frame.facts
    for (const { seq } of items) if (at && seq < MADE_UP) at.passed = Math.max(at.passed, seq)
  }

  #fromClient(line: Line, data: string | Buffer): void {
    const frame: FromClient =
      typeof data === 'string' ? parseClientFrame(data) : decodeFrame(new Uint8Array(data))
    if (frame.type === 'hello') line.member = frame.as === 'invite' ? '' : toBase64url(frame.key)
    if (frame.type === 'send') this.sent.push(...frame.envelopes)
    const instead = this.lie.fromClient?.(frame, line.seat)
    if (instead) this.told++
    for (const one of instead ?? [frame]) {
      const real = one.type === 'ack' ? this.#realAcks(one) : one
      if (!real) continue
      const bytes = wire(real, encodeClientFrame)
      if (line.broker?.readyState === 1) line.broker.send(bytes)
      else line.waiting.push(bytes)
    }
    this.onPassed()
  }

  /** The real queue hears nothing of what was made up. */
  #realAcks(frame: AckFrame): AckFrame | undefined {
    const acks = frame.acks.flatMap(ack => {
      if (ack.upTo < MADE_UP) return [ack]
      for (const [seq, resolve] of this.#acked)
        if (seq <= ack.upTo && this.#acked.delete(seq)) queueMicrotask(resolve)
      const passed = this.#attached.get(recipientKey(ack.recipient))?.passed ?? 0
      return passed > 0 ? [{ ...ack, upTo: passed }] : []
    })
    return acks.length > 0 ? { ...frame, acks } : undefined
  }
}

const DATA = ['send', 'accepted', 'deliver', 'ack', 'fact']
function wire<F extends FromBroker | FromClient>(
  frame: F | string | Uint8Array,
  encode: (frame: Exclude<F, DataFrame>) => string,
): string | Uint8Array<ArrayBuffer> {
  if (typeof frame === 'string') return frame
  if (frame instanceof Uint8Array) return frame.slice()
  return DATA.includes(frame.type)
    ? encodeFrame(frame as DataFrame).slice()
    : encode(frame as Exclude<F, DataFrame>)
}
