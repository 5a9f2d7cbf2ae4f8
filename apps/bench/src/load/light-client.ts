/** A client at the level of frames: it dials, says hello, attaches one session, and hands on what arrives undecoded. */
import { certificateHash, prekeyId, type Signer, signAttach, signHello } from '@claudemesh/crypto'
import {
  type BrokerFrame,
  type BrokerFrameOf,
  type Certificate,
  type ClientFrame,
  encodeClientFrame,
  type PrekeyBundle,
  type PresenceRecord,
  parseBrokerFrame,
  type Recipient,
  SUBPROTOCOL,
} from '@claudemesh/protocol'

/** What a session shows the broker to be attached. */
export interface Papers {
  readonly recipient: Recipient
  readonly certificate: Certificate
  readonly prekey: PrekeyBundle
  readonly presence: PresenceRecord
  readonly signer: Signer
}

export class LightClient {
  /** Called with every binary frame. */
  onFrame: (frame: Uint8Array) => void = () => {}
  private readonly socket: WebSocket
  private readonly waiting: {
    type: BrokerFrame['type']
    resolve: (frame: never) => void
    reject: (error: Error) => void
  }[] = []
  private readonly host: string
  private challenge: BrokerFrameOf<'challenge'> | undefined

  private constructor(host: string) {
    this.host = host
    this.socket = new WebSocket(`ws://${host}/ws`, SUBPROTOCOL)
    this.socket.binaryType = 'arraybuffer'
    this.socket.onmessage = ({ data }) => {
      // Whoever is in a crowd hears of everybody: nobody here looks at it.
      if (typeof data === 'string' && data.startsWith('{"type":"presence"')) return
      if (typeof data === 'string') this.read(parseBrokerFrame(data))
      else this.onFrame(new Uint8Array(data as ArrayBuffer))
    }
    this.socket.onclose = event => this.fail(new Error(`closed with ${event.code} ${event.reason}`))
  }

  /** Dials `host` (host:port, no TLS) and waits for the challenge. */
  static async dial(host: string): Promise<LightClient> {
    const client = new LightClient(host)
    client.challenge = await client.next('challenge')
    return client
  }

  get brokerKey(): Uint8Array {
    return this.challenge!.brokerKey
  }

  /** Says hello as a member; `create` founds the mesh with these entries. */
  hello(
    mesh: Uint8Array,
    key: Signer,
    create?: Extract<ClientFrame, { as: 'create' }>['entries'],
  ): Promise<unknown> {
    const { nonce, brokerKey } = this.challenge!
    const signature = signHello({ nonce, brokerKey, host: this.host, mesh, key })
    const proof = { type: 'hello', mesh, key: key.publicKey, host: this.host, signature } as const
    this.say(create ? { ...proof, as: 'create', entries: create } : { ...proof, as: 'member' })
    return this.next('welcome')
  }

  attach(papers: Papers): Promise<BrokerFrameOf<'attached'>> {
    const { recipient, certificate, prekey, presence, signer } = papers
    const { nonce, brokerKey } = this.challenge!
    const signature = signAttach({
      nonce,
      brokerKey,
      host: this.host,
      certificateHash: certificateHash(certificate),
      prekeyId: prekeyId(prekey),
      signer,
    })
    this.say({ type: 'attach', ref: 1, recipient, certificate, prekey, presence, signature })
    return this.next('attached')
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    this.socket.send(frame)
  }

  /** Ends the socket at once, without a word to the other end. */
  cut(): void {
    this.socket.onmessage = null
    this.socket.onclose = null
    // Bun's own: the DOM's types know of closing alone.
    const socket = this.socket as WebSocket & { terminate(): void }
    socket.terminate()
  }

  /** The next text frame of this type; an error frame or the end of the socket rejects. */
  next<T extends BrokerFrame['type']>(type: T): Promise<BrokerFrameOf<T>> {
    return new Promise((resolve, reject) => this.waiting.push({ type, resolve, reject }))
  }

  private say(frame: ClientFrame): void {
    this.socket.send(encodeClientFrame(frame))
  }

  private read(frame: BrokerFrame): void {
    if (frame.type === 'error') this.fail(new Error(`${frame.code} ${frame.field ?? ''}: ${frame.message}`))
    const index = this.waiting.findIndex(({ type }) => type === frame.type)
    if (index >= 0) this.waiting.splice(index, 1)[0]!.resolve(frame as never)
  }

  private fail(error: Error): void {
    if (this.waiting.length === 0) throw error
    for (const { reject } of this.waiting.splice(0)) reject(error)
  }
}
