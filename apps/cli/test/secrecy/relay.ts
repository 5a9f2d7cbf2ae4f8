/** A broker in memory that passes everything on and writes every envelope down; it can hold a queue back, or show an old prekey. */

import type { MeshSeed } from '@claudemesh/client'
import { recipientKey, rosterEntryHash, type Signer } from '@claudemesh/crypto'
import {
  type BrokerFrame,
  type ClientFrame,
  type ClientFrameOf,
  type DataFrame,
  decodeFrame,
  type Envelope,
  encodeBrokerFrame,
  encodeFrame,
  type PrekeyBundle,
  parseClientFrame,
  type Recipient,
} from '@claudemesh/protocol'

type Answer = BrokerFrame | DataFrame
type Attach = ClientFrameOf<'attach'>

interface Attached {
  readonly frame: Attach
  socket: RelaySocket | null
  prekey: PrekeyBundle
}
interface Queued {
  readonly seq: number
  readonly envelope: Envelope
}
/** As much of a `WebSocket` as a link uses. */
interface RelaySocket {
  push(answer: Answer): void
}

export class Relay {
  /** Every envelope that was ever sent. */
  readonly recorded: Envelope[] = []
  /** `attached` tells of a queue that never ends. */
  endless = false
  /** What `prekeys.get` shows instead of the newest, and as offline, by recipient. */
  readonly shows = new Map<string, PrekeyBundle>()
  /** Of these it says that it knows nothing. */
  readonly hides = new Set<string>()
  readonly #seed: MeshSeed
  readonly #brokerKey: Signer
  readonly #now: () => number
  readonly #attached = new Map<string, Attached>()
  readonly #queues = new Map<string, Queued[]>()
  #seq = 0

  constructor(seed: MeshSeed, brokerKey: Signer, now: () => number) {
    this.#seed = seed
    this.#brokerKey = brokerKey
    this.#now = now
  }

  prekeyOf(who: Recipient): PrekeyBundle {
    return this.#attached.get(recipientKey(who))!.prekey
  }

  /** A `WebSocket` class whose sockets end here. */
  webSocket(): typeof WebSocket {
    const relay = this
    class Socket implements RelaySocket {
      readyState = 1
      onmessage?: (event: { data: unknown }) => void
      onclose?: (event: { code: number; reason: string }) => void
      constructor() {
        const challenge = { nonce: new Uint8Array(32), brokerKey: relay.#brokerKey.publicKey }
        queueMicrotask(() => this.push({ type: 'challenge', ...challenge, time: relay.#now() }))
      }
      push(answer: Answer): void {
        if (this.readyState !== 1) return
        const isData = answer.type === 'accepted' || answer.type === 'deliver'
        const data = isData ? encodeFrame(answer).slice().buffer : encodeBrokerFrame(answer as BrokerFrame)
        this.onmessage?.({ data })
      }
      send(data: string | Uint8Array): void {
        const frame = typeof data === 'string' ? parseClientFrame(data) : decodeFrame(data.slice())
        queueMicrotask(() => relay.#take(this, frame))
      }
      close(): void {
        if (this.readyState !== 1) return
        this.readyState = 3
        for (const one of relay.#attached.values()) if (one.socket === this) one.socket = null
        queueMicrotask(() => this.onclose?.({ code: 1000, reason: '' }))
      }
    }
    return Socket as unknown as typeof WebSocket
  }

  #take(socket: RelaySocket, frame: ClientFrame | DataFrame): void {
    const answer = this.#answer(socket, frame)
    if (answer) socket.push({ ...answer, ref: (frame as { ref?: number }).ref } as Answer)
    if (frame.type === 'attach') this.#deliver(recipientKey(frame.recipient))
  }

  #answer(socket: RelaySocket, frame: ClientFrame | DataFrame): Answer | undefined {
    const { entries } = this.#seed
    const headSeq = entries.length - 1
    const head = rosterEntryHash(entries[headSeq]!)
    switch (frame.type) {
      case 'hello':
        return this.#welcome(headSeq, head)
      case 'attach':
        return this.#attach(socket, frame)
      case 'roster.get':
        return { type: 'roster', entries: entries.slice(frame.from), head, headSeq, copies: [] }
      case 'directory':
        return { type: 'directory', entries: [], cursor: null }
      case 'prekeys.get':
        return { type: 'prekeys', bundles: frame.recipients.map(each => this.#bundle(each)) }
      case 'ping':
        return { type: 'pong', time: this.#now() }
      case 'send':
        return this.#send(frame)
      case 'ack':
        for (const { recipient, upTo } of frame.acks) this.#ack(recipientKey(recipient), upTo)
        return undefined
      default:
        return { type: 'ok' }
    }
  }

  #welcome(rosterSeq: number, rosterHead: Uint8Array): BrokerFrame {
    const limits = { frameBytes: 1, bodyBytes: 1, recipientsPerEnvelope: 1, ttlMs: 1 }
    return {
      type: 'welcome',
      mesh: this.#seed.mesh,
      limits: { ...limits, windowEnvelopes: 1, windowBytes: 1 },
      rosterSeq,
      rosterHead,
      checkpoint: null,
      leaseMs: 90_000,
      time: this.#now(),
    }
  }

  #attach(socket: RelaySocket, frame: Attach): BrokerFrame {
    const key = recipientKey(frame.recipient)
    this.#attached.set(key, { frame, socket, prekey: frame.prekey })
    const queuedUpTo = this.endless ? 1_000_000_000 : (this.#queues.get(key)?.at(-1)?.seq ?? 0)
    return { type: 'attached', recipient: frame.recipient, attachment: 1, queuedUpTo }
  }

  #bundle(recipient: Recipient) {
    const key = recipientKey(recipient)
    const held = this.hides.has(key) ? undefined : this.#attached.get(key)
    const shown = this.shows.get(key)
    const lease = shown || !held?.socket ? ('offline' as const) : ('online' as const)
    return {
      recipient,
      certificate: held?.frame.certificate ?? null,
      prekey: shown ?? held?.prekey ?? null,
      lease,
    }
  }

  #send({ envelopes, ref }: Extract<DataFrame, { type: 'send' }>): DataFrame {
    const results = envelopes.map(envelope => {
      this.recorded.push(envelope)
      const seq = ++this.#seq
      const { id, to } = envelope.header
      for (const { recipient } of to) {
        const key = recipientKey(recipient)
        this.#queues.set(key, [...(this.#queues.get(key) ?? []), { seq, envelope }])
        queueMicrotask(() => this.#deliver(key))
      }
      const recipients = to.map(() => 'queued' as const)
      return { id, error: null, seq, auditIndex: 0, at: this.#now(), recipients }
    })
    return { type: 'accepted', ref, results }
  }

  #deliver(key: string): void {
    const held = this.#attached.get(key)
    const queue = this.#queues.get(key) ?? []
    if (!held?.socket || queue.length === 0) return
    const deliveries = queue.map(({ seq, envelope: { header, slots, body } }) => {
      const slot = slots[header.to.findIndex(each => recipientKey(each.recipient) === key)]!
      return { seq, envelope: { header, slot, body } }
    })
    held.socket.push({ type: 'deliver', recipient: held.frame.recipient, attachment: 1, deliveries })
  }

  #ack(key: string, upTo: number): void {
    this.#queues.set(
      key,
      (this.#queues.get(key) ?? []).filter(({ seq }) => seq > upTo),
    )
  }
}
