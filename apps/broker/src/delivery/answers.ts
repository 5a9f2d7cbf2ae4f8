/** The one answer that a `send` or an `ack` frame gets, when the last of its parts is settled. */
import { type AcceptedResult, encodeAccepted, encodeBrokerFrame, type MeshError } from '@claudemesh/protocol'
import type { Span } from '../telemetry/tracing.ts'
import { errorFrame } from '../ws/error-frame.ts'
import type { PushSocket } from './attachment.ts'

export class SendAnswer {
  readonly socket: PushSocket
  /** Ends with the answer. */
  readonly span: Span | undefined
  private readonly ref: number
  private readonly results: AcceptedResult[]
  private owed: number

  constructor(socket: PushSocket, ref: number, count: number, span?: Span) {
    this.socket = socket
    this.span = span
    this.ref = ref
    this.owed = count
    this.results = new Array(count)
  }

  /** Puts one result in its place; true when it was the last and the answer stands behind the socket's other frames. */
  settle(place: number, result: AcceptedResult): boolean {
    this.results[place] = result
    if (--this.owed > 0) return false
    this.socket.queueOut(encodeAccepted(this.ref, this.results))
    this.span?.end({ refused: this.results.filter(({ error }) => error !== null).length })
    return true
  }
}

export class AckAnswer {
  private readonly socket: PushSocket
  private readonly ref: number
  private owed: number
  private failed = false

  constructor(socket: PushSocket, ref: number, count: number) {
    this.socket = socket
    this.ref = ref
    this.owed = count
  }

  /** The first error is the answer; without one it is `ok` at the end. An ack without `ref` hears of errors only. */
  settle(error: MeshError | null): void {
    this.owed--
    if (error !== null && !this.failed) {
      this.failed = true
      this.socket.sendJson(errorFrame(error, this.ref === 0 ? undefined : this.ref))
    }
    if (this.owed === 0 && !this.failed && this.ref !== 0)
      this.socket.sendJson(encodeBrokerFrame({ type: 'ok', ref: this.ref }))
  }
}
