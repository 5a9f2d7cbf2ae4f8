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
    if (typeof frame !== 'string') for (const event of promisesIn(frame)) this.event(event)
  }

  /** Hex of 64 characters over all so far. */
  digest(): string {
    return this.#hash.copy().digest('hex')
  }
}

/** What a data frame promises: `accepted`, what was handed out, what was acknowledged. Throws for what is no frame. */
export function promisesIn(frame: Uint8Array): HistoryEvent[] {
  const data = decodeFrame(frame)
  switch (data.type) {
    case 'accepted':
      return data.results.flatMap(({ id, error, seq }) =>
        error === null ? [{ type: 'accepted', id: uuidText(id), seq }] : [],
      )
    case 'deliver': {
      const { attachment, deliveries } = data
      const to = recipientKey(data.recipient)
      return deliveries.map(({ seq, envelope }) => {
        return { type: 'deliver', to, attachment, seq, id: uuidText(envelope.header.id) }
      })
    }
    case 'fact': {
      const { attachment, facts } = data
      const to = recipientKey(data.recipient)
      return facts.map(({ seq, fact }) => ({ type: 'deliver', to, attachment, seq, id: uuidText(fact.id) }))
    }
    case 'ack':
      return data.acks.map(({ recipient, attachment, upTo }) => {
        return { type: 'acked', to: recipientKey(recipient), attachment, upTo }
      })
    default:
      return []
  }
}
