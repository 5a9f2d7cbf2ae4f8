/** One socket: what it has proven, what is attached on it, and frames out in order; too slow a reader is cut off, not buffered. */
import {
  CLOSE,
  type CloseReason,
  type EpochCopy,
  encodeBrokerFrame,
  type Recipient,
} from '@claudemesh/protocol'
import type { ServerWebSocket } from 'bun'
import type { Attachment, PushSocket } from '../delivery/attachment.ts'
import type { MeshState } from '../roster/mesh-state.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Span } from '../telemetry/tracing.ts'

/** What `upgrade` knows of a socket before it is open. */
export interface SocketData {
  connection: Connection | null
  /** For limits; never logged with mail. */
  readonly address: string
  /** The other end is this machine, with no proxy between. */
  readonly local: boolean
  /** False where the client did not offer `claudemesh.v1`. */
  readonly spoken: boolean
}

/** How far the handshake came. An invite may read the roster and append one join; then it says hello anew. */
export type Standing =
  | { readonly is: 'stranger' }
  | {
      readonly is: 'invited'
      readonly mesh: MeshState
      readonly key: Uint8Array
      readonly host: string
      readonly invite: Uint8Array
      joined: boolean
    }
  | { readonly is: 'member'; readonly mesh: MeshState; readonly key: Uint8Array; readonly host: string }

export class Connection implements PushSocket {
  readonly address: string
  readonly local: boolean
  readonly nonce = crypto.getRandomValues(new Uint8Array(32))
  standing: Standing = { is: 'stranger' }
  /** Everything ever attached on it by `recipientIndex`, also what was replaced since. */
  readonly attachments = new Map<string, Attachment>()
  readonly attached: Attachment[] = []
  inFlightCount = 0
  inFlightBytes = 0
  reservedCount = 0
  heldBytes = 0
  turn = 0
  congested = false
  open = true
  /** ms since 1970 of the last sign of life. */
  heardAt: number
  /** Frames that wait for the one before them. */
  readonly inbox: (string | Uint8Array)[] = []
  inboxBytes = 0
  busy = false
  /** Copies of an epoch key that wait for their entry. */
  copies: EpochCopy[] = []
  /** Refused frames before a good hello. */
  mistakes = 0
  /** From its opening to the first answer to a hello, where spans are taken. */
  handshake: Span | undefined
  /** Stops the handshake's deadline. */
  deadline: () => void = () => {}
  /** Called once, when it ends by either side: nothing waits for a peer that no longer answers. */
  ended: () => void = () => {}
  private readonly ws: ServerWebSocket<SocketData>
  private readonly metrics: Metrics
  private out: (string | Uint8Array)[] = []

  constructor(ws: ServerWebSocket<SocketData>, metrics: Metrics, now: number) {
    this.ws = ws
    this.metrics = metrics
    this.address = ws.data.address
    this.local = ws.data.local
    this.heardAt = now
  }

  queueOut(frame: string | Uint8Array): void {
    this.out.push(frame)
  }

  /** Sends what was queued, in one write where it fits. */
  flushOut(): void {
    const frames = this.out
    if (frames.length === 0) return
    this.out = []
    if (!this.open) return
    if (frames.length === 1) this.write(frames[0]!)
    else
      this.ws.cork(() => {
        for (const frame of frames) this.write(frame)
      })
  }

  /** Sends a JSON frame behind whatever is queued. */
  sendJson(text: string): void {
    this.out.push(text)
    this.flushOut()
  }

  private write(frame: string | Uint8Array): void {
    if (!this.open) return
    const answer = this.ws.send(frame)
    const { count } = this.metrics
    count.framesOut++
    count.bytesOut += frame.length
    if (answer === -1) this.congested = true
    // Dropped: an answer or a place in the order is gone, so the socket has to go too. Nothing is lost by it: what is unacked is sent again.
    else if (answer === 0 && frame.length > 0) this.terminate()
  }

  ping(): void {
    if (this.open) this.ws.ping()
  }

  close(reason: CloseReason): void {
    if (!this.open) return
    this.flushOut()
    this.end()
    this.ws.close(CLOSE[reason].code, CLOSE[reason].reason)
  }

  /** Marks it as over. Idempotent. */
  end(): void {
    if (!this.open) return
    this.open = false
    this.ended()
  }

  private terminate(): void {
    this.end()
    this.metrics.refused('slow-reader')
    this.ws.terminate()
  }

  /** Tells that a newer attachment of this recipient stands elsewhere. */
  tellReplaced(recipient: Recipient, attachment: number): void {
    this.sendJson(encodeBrokerFrame({ type: 'replaced', recipient, attachment }))
  }
}
