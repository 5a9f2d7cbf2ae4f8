/** Recipients that take what waits for them: attached each on a socket of its own, gone, and back. */
import { encodeFrame, type Recipient } from '@claudemesh/protocol'
import type { MeshPlace } from './commands.ts'
import { readDeliver } from './envelope-bytes.ts'
import { meshAt } from './join-mesh.ts'
import type { LightClient, Papers } from './light-client.ts'

const DELIVER = 3

interface Reader {
  readonly papers: Papers
  client: LightClient
  attachment: number
  /** Highest seq it got. */
  lastSeq: number
}

export class Readers {
  private readonly place: MeshPlace
  private readonly all: Reader[] = []
  private taken = 0
  private failed: unknown
  private heard = () => {}

  private constructor(place: MeshPlace) {
    this.place = place
  }

  /** Attaches so many sessions of the mesh's one member. */
  static async attach(place: MeshPlace, sessions: number): Promise<Readers> {
    const readers = new Readers(place)
    const { session } = meshAt(place)
    while (readers.all.length < sessions) readers.all.push(await readers.comeIn(session(), 0))
    return readers
  }

  get recipients(): readonly Recipient[] {
    return this.all.map(({ papers }) => papers.recipient)
  }

  /** Ends their sockets; what is sent to them waits from now on. */
  cut(): void {
    for (const { client } of this.all) client.cut()
  }

  /** Attaches them again, those that were cut. */
  async back(): Promise<void> {
    for (const [i, { papers, lastSeq }] of this.all.entries())
      this.all[i] = await this.comeIn(papers, lastSeq)
  }

  /** Until so many were delivered in all, each reader's in the order of its queue. Throws where one was not. */
  async until(messages: number): Promise<void> {
    while (this.taken < messages && this.failed === undefined)
      await new Promise<void>(resolve => {
        this.heard = resolve
      })
    if (this.failed !== undefined) throw this.failed
    if (this.taken > messages) throw new Error(`${this.taken} delivered of ${messages}`)
  }

  private async comeIn(papers: Papers, lastSeq: number): Promise<Reader> {
    const client = await meshAt(this.place).enter()
    const { attachment } = await client.attach(papers)
    const reader = { papers, client, attachment, lastSeq }
    client.onFrame = frame => {
      if (frame[0] === DELIVER) this.take(reader, frame)
    }
    return reader
  }

  private take(reader: Reader, frame: Uint8Array): void {
    try {
      const { count, lastSeq } = readDeliver(frame, reader.lastSeq)
      reader.lastSeq = lastSeq
      this.taken += count
      const ack = { recipient: reader.papers.recipient, attachment: reader.attachment, upTo: lastSeq }
      reader.client.send(encodeFrame({ type: 'ack', ref: 0, acks: [ack] }))
    } catch (error) {
      this.failed = error
    }
    this.heard()
  }
}
