/** A real WebSocket to the broker, frame by frame: sends what it is told, keeps what comes until it is asked for. */
import { certificateHash, prekeyId, type Signer, signAttach, signHello } from '@claudemesh/crypto'
import {
  type AcceptedFrame,
  type BrokerFrame,
  type BrokerFrameOf,
  type ClientFrame,
  type DataFrame,
  type DeliverFrame,
  decodeFrame,
  type Envelope,
  encodeClientFrame,
  encodeFrame,
  parseBrokerFrame,
  type Recipient,
  SUBPROTOCOL,
} from '@claudemesh/protocol'
import { certificateOf, prekeyOf, presenceOf, type TestMesh, type TestSession } from './test-member.ts'

export type Frame = BrokerFrame | DataFrame
export type Of<T extends Frame['type']> = Extract<Frame, { type: T }>
type Asked = ClientFrame extends infer F ? (F extends ClientFrame ? Omit<F, 'ref'> : never) : never

export interface Closed {
  readonly code: number
  readonly reason: string
}

export class TestSocket {
  readonly ws: WebSocket
  readonly host: string
  readonly closed: Promise<Closed>
  challenge!: BrokerFrameOf<'challenge'>
  private readonly kept: Frame[] = []
  private waiting: {
    readonly wants: (frame: Frame) => boolean
    readonly take: (frame: Frame) => void
    readonly fail: (why: Error) => void
  }[] = []
  private lastRef = 0
  /** Why nothing comes any more. */
  private over: Error | undefined

  private constructor(port: number, protocols: string[]) {
    this.host = `127.0.0.1:${port}`
    this.ws = new WebSocket(`ws://${this.host}/ws`, protocols)
    this.ws.binaryType = 'arraybuffer'
    this.closed = new Promise(resolve => {
      this.ws.onclose = ({ code, reason }) => {
        this.over = new Error(`closed ${code} ${reason}`)
        for (const { fail } of this.waiting.splice(0)) fail(this.over)
        resolve({ code, reason })
      }
    })
    this.ws.onmessage = ({ data }) =>
      this.arrive(
        typeof data === 'string'
          ? parseBrokerFrame(data, 1 << 22)
          : decodeFrame(new Uint8Array(data as ArrayBuffer)),
      )
  }

  /** A socket that holds its challenge. */
  static async open(port: number): Promise<TestSocket> {
    const socket = new TestSocket(port, [SUBPROTOCOL])
    socket.challenge = await socket.next('challenge')
    return socket
  }

  /** A socket that offers other subprotocols. */
  static raw(port: number, protocols: string[]): TestSocket {
    return new TestSocket(port, protocols)
  }

  private arrive(frame: Frame): void {
    const place = this.waiting.findIndex(({ wants }) => wants(frame))
    if (place === -1) this.kept.push(frame)
    else this.waiting.splice(place, 1)[0]!.take(frame)
  }

  /** The next frame that is wanted, from what was kept or from the wire. */
  async take<T extends Frame>(wants: (frame: Frame) => boolean): Promise<T> {
    const place = this.kept.findIndex(wants)
    if (place !== -1) return this.kept.splice(place, 1)[0] as T
    if (this.over !== undefined) throw this.over
    return new Promise<Frame>((take, fail) => this.waiting.push({ wants, take, fail })) as Promise<T>
  }

  next<T extends Frame['type']>(type: T): Promise<Of<T>> {
    return this.take<Of<T>>(frame => frame.type === type)
  }

  /** What came and was not asked for, of one type. */
  unasked<T extends Frame['type']>(type: T): Of<T>[] {
    return this.kept.filter(frame => frame.type === type) as Of<T>[]
  }

  ref(): number {
    return ++this.lastRef
  }

  /** Sends a control frame with a ref and answers its one answer. */
  async ask(frame: Asked): Promise<BrokerFrame> {
    const ref = this.ref()
    this.ws.send(encodeClientFrame({ ...frame, ref } as ClientFrame))
    return this.take<BrokerFrame>(answer => 'ref' in answer && answer.ref === ref)
  }

  helloFrame(key: Signer, mesh: Uint8Array, nonce = this.challenge.nonce): Asked {
    const { brokerKey } = this.challenge
    const signature = signHello({ nonce, brokerKey, host: this.host, mesh, key })
    return { type: 'hello', as: 'member', mesh, key: key.publicKey, host: this.host, signature }
  }

  hello(key: Signer, mesh: Uint8Array): Promise<BrokerFrame> {
    return this.ask(this.helloFrame(key, mesh))
  }

  helloCreate(mesh: TestMesh): Promise<BrokerFrame> {
    const key = mesh.owner.signer
    const { nonce, brokerKey } = this.challenge
    const signature = signHello({ nonce, brokerKey, host: this.host, mesh: mesh.id, key })
    return this.ask({
      type: 'hello',
      as: 'create',
      mesh: mesh.id,
      key: key.publicKey,
      host: this.host,
      signature,
      entries: mesh.entries.slice(0, 2),
    })
  }

  helloInvite(code: Uint8Array, key: Signer): Promise<BrokerFrame> {
    const { nonce, brokerKey } = this.challenge
    const signature = signHello({ nonce, brokerKey, host: this.host, mesh: null, key })
    return this.ask({ type: 'hello', as: 'invite', code, key: key.publicKey, host: this.host, signature })
  }

  /** The attach frame of a session, signed for this socket. */
  attachFrame(mesh: TestMesh, session: TestSession, now = Date.now()): Extract<Asked, { type: 'attach' }> {
    const certificate = certificateOf(mesh, session, now)
    const prekey = prekeyOf(mesh, session.recipient, session.signer, now)
    const { nonce, brokerKey } = this.challenge
    const signature = signAttach({
      nonce,
      brokerKey,
      host: this.host,
      certificateHash: certificateHash(certificate),
      prekeyId: prekeyId(prekey),
      signer: session.signer,
    })
    return {
      type: 'attach',
      recipient: session.recipient,
      certificate,
      prekey,
      presence: presenceOf(mesh, session, now),
      signature,
    }
  }

  /** Attaches a session; throws unless it is `attached`. */
  async attach(mesh: TestMesh, session: TestSession, now = Date.now()): Promise<BrokerFrameOf<'attached'>> {
    const answer = await this.ask(this.attachFrame(mesh, session, now))
    if (answer.type !== 'attached') throw new Error(`not attached: ${JSON.stringify(answer)}`)
    return answer
  }

  /** Sends envelopes in one frame and answers its `accepted`. */
  async send(envelopes: Envelope[]): Promise<AcceptedFrame> {
    const ref = this.ref()
    this.ws.send(encodeFrame({ type: 'send', ref, envelopes }))
    return this.take<AcceptedFrame>(frame => frame.type === 'accepted' && frame.ref === ref)
  }

  async ack(recipient: Recipient, attachment: number, upTo: number): Promise<BrokerFrame> {
    const ref = this.ref()
    this.ws.send(encodeFrame({ type: 'ack', ref, acks: [{ recipient, attachment, upTo }] }))
    return this.take<BrokerFrame>(frame => 'ref' in frame && frame.ref === ref)
  }

  /** Collects deliveries, acking each frame, until there are `count`. */
  async receive(count: number): Promise<DeliverFrame['deliveries'][number][]> {
    const got: DeliverFrame['deliveries'][number][] = []
    while (got.length < count) {
      const { recipient, attachment, deliveries } = await this.next('deliver')
      got.push(...deliveries)
      await this.ack(recipient, attachment, deliveries.at(-1)!.seq)
    }
    return got
  }

  async close(): Promise<Closed> {
    this.ws.close()
    return this.closed
  }
}
