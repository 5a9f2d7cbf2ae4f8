/** Writes a history down as it happens, and hashes it with every byte on the wire: the same seed has the same hash. */
import { recipientKey, uuidText } from '@claudemesh/crypto'
import { decodeFrame } from '@claudemesh/protocol'
import type { Frame } from './frame.ts'
import type { HistoryEvent, Recorded } from './history.ts'

export class Recorder {
  readonly events: Recorded[] = []
  readonly #hash = new Bun.CryptoHasher('sha256')
  #now: () => number = () => 0

  /** Whose time events get. */
  by(now: () => number): void {
    this.#now = now
  }

  readonly event = (event: HistoryEvent): void => {
    this.events.push({ ...event, at: this.#now() })
    this.#hash.update(JSON.stringify(event))
  }

  readonly step = (at: number, name: string): void => {
    this.#hash.update(`${at} ${name}`)
  }

  /** The promises that stand in frames. */
  readonly frame = (address: string, up: boolean, frame: Frame): void => {
    this.#hash.update(`${address} ${up}`)
    this.#hash.update(frame)
    if (typeof frame === 'string') return
    const data = decodeFrame(frame)
    if (data.type === 'accepted') {
      for (const { id, error, seq } of data.results)
        if (error === null) this.event({ type: 'accepted', id: uuidText(id), seq })
    } else if (data.type === 'deliver' || data.type === 'fact') {
      const { attachment } = data
      const to = recipientKey(data.recipient)
      const items =
        data.type === 'deliver'
          ? data.deliveries.map(({ seq, envelope }) => ({ seq, id: envelope.header.id }))
          : data.facts.map(({ seq, fact }) => ({ seq, id: fact.id }))
      for (const { seq, id } of items) this.event({ type: 'deliver', to, attachment, seq, id: uuidText(id) })
    } else if (data.type === 'ack')
      for (const { recipient, attachment, upTo } of data.acks)
        this.event({ type: 'acked', to: recipientKey(recipient), attachment, upTo })
  }

  /** Hex of 64 characters over all so far. */
  digest(): string {
    return this.#hash.copy().digest('hex')
  }
}
