/** One socket from dial to close: challenge, hello, welcome, then requests with exactly one answer each. */
import {
  type BrokerFrame,
  type BrokerFrameOf,
  type ClientFrame,
  type DataFrame,
  decodeFrame,
  encodeClientFrame,
  MeshError,
  parseBrokerFrame,
  SUBPROTOCOL,
  TIMES,
} from '@claudemesh/protocol'
import type { Schedule } from '../types.ts'

type Challenge = BrokerFrameOf<'challenge'>
export interface Closed {
  readonly code: number
  readonly reason: string
  /** Why this end gave up: a frame that could not be read, an answer that never came. */
  readonly why?: MeshError
}
export interface Link {
  readonly challenge: Challenge
  readonly welcome: BrokerFrameOf<'welcome'>
  /** Sends with a `ref` of its own and gives the answer. Throws the broker's error, or `unreachable` when the socket ends first. */
  request<T extends BrokerFrame['type']>(frame: ClientFrame, answer: T): Promise<BrokerFrameOf<T>>
  /** As `request` for the data path: `encode` is given the `ref`. */
  requestData(encode: (ref: number) => Uint8Array): Promise<DataFrame>
  /** No answer is expected. */
  sendData(bytes: Uint8Array): void
  close(code?: number, reason?: string): void
  readonly closed: Promise<Closed>
}
export interface DialOptions {
  readonly url: string
  readonly webSocket: typeof WebSocket
  readonly schedule: Schedule
  readonly hello: (challenge: Challenge) => ClientFrame | Promise<ClientFrame>
  /** Frames that answer nothing, in the order they came; never before `welcome`. */
  readonly onFrame?: (frame: BrokerFrame) => void
  readonly onData?: (frame: DataFrame) => void
  /** Gives up dialling. */
  readonly abort?: AbortSignal
  /** Anything was heard. */
  readonly onHeard?: () => void
}

/** Every frame with a ref is answered; a broker that does not is left. */
const ANSWER_MS = 30_000
/** Who is asked to wait longer comes back after this all the same: a broker could ask for a thousand years, or for more than a timer holds. */
export const LONGEST_ASKED_MS = 600_000

interface Waiting {
  readonly resolve: (frame: BrokerFrame | DataFrame) => void
  readonly reject: (error: MeshError) => void
}

/** Resolves after `welcome`. Throws `unreachable`, `timeout` (10 s), what the broker answered to `hello`, or `bad-frame`. */
export function dial(o: DialOptions): Promise<Link> {
  return new Promise((resolve, reject) => {
    let socket: WebSocket
    try {
      socket = new o.webSocket(o.url, SUBPROTOCOL)
    } catch (cause) {
      reject(new MeshError('unreachable', 'the address of the broker cannot be dialled', { cause }))
      return
    }
    socket.binaryType = 'arraybuffer'
    const waiting = new Map<number, Waiting>()
    let lastRef = 0
    let challenge: Challenge | undefined
    let welcomed = false
    let why: MeshError | undefined
    let settleClosed: (closed: Closed) => void
    const closed = new Promise<Closed>(settle => {
      settleClosed = settle
    })
    const cancelDeadline = o.schedule(TIMES.handshakeMs, () =>
      fail(new MeshError('timeout', 'the broker did not finish the handshake')),
    )

    const fail = (error: MeshError): void => {
      cancelDeadline()
      why ??= error
      for (const one of waiting.values()) one.reject(error)
      waiting.clear()
      reject(error)
      socket.close()
    }
    o.abort?.addEventListener('abort', () => {
      if (!welcomed) fail(new MeshError('unreachable', 'dialling was given up'))
    })
    const request = (send: (ref: number) => void): Promise<BrokerFrame | DataFrame> =>
      new Promise((give, refuse) => {
        if (socket.readyState !== 1) {
          refuse(gone())
          return
        }
        lastRef = (lastRef % 0xffff_ffff) + 1
        const ref = lastRef
        const late = o.schedule(ANSWER_MS, () =>
          fail(new MeshError('timeout', 'the broker left a frame unanswered')),
        )
        waiting.set(ref, {
          resolve: frame => {
            late()
            give(frame)
          },
          reject: error => {
            late()
            refuse(error)
          },
        })
        try {
          send(ref)
        } catch (cause) {
          const one = waiting.get(ref)
          waiting.delete(ref)
          one?.reject(cause instanceof MeshError ? cause : gone(cause))
        }
      })
    const link = (welcome: BrokerFrameOf<'welcome'>): Link => ({
      challenge: challenge!,
      welcome,
      async request(frame, answer) {
        const reply = await request(ref => socket.send(encodeClientFrame({ ...frame, ref })))
        return expectAnswer(reply, answer)
      },
      requestData: async encode => (await request(ref => socket.send(owned(encode(ref))))) as DataFrame,
      sendData: bytes => {
        if (socket.readyState === 1) socket.send(owned(bytes))
      },
      close: (code = 1000, reason = '') => socket.close(code, reason),
      closed,
    })
    const answered = (ref: number, frame: BrokerFrame | DataFrame): boolean => {
      const one = waiting.get(ref)
      if (!one) return false
      waiting.delete(ref)
      if (frame.type === 'error') one.reject(errorOf(frame))
      else one.resolve(frame)
      return true
    }
    const greet = async (asked: Challenge): Promise<void> => {
      const hello = await o.hello(asked)
      const reply = await request(ref => socket.send(encodeClientFrame({ ...hello, ref })))
      const welcome = expectAnswer(reply, 'welcome')
      cancelDeadline()
      welcomed = true
      resolve(link(welcome))
    }
    const onText = (text: string): void => {
      const frame = parseBrokerFrame(text, Number.MAX_SAFE_INTEGER)
      if (!challenge) {
        if (frame.type !== 'challenge')
          throw new MeshError('bad-frame', 'the broker spoke before its challenge')
        challenge = frame
        greet(frame).catch(error =>
          fail(
            error instanceof MeshError
              ? error
              : new MeshError('internal', 'hello was not made', { cause: error }),
          ),
        )
        return
      }
      if (frame.ref && answered(frame.ref, frame)) return
      if (welcomed) o.onFrame?.(frame)
      else if (frame.type === 'error') fail(errorOf(frame))
    }
    socket.onmessage = event => {
      o.onHeard?.()
      try {
        if (typeof event.data === 'string') onText(event.data)
        else {
          const frame = decodeFrame(new Uint8Array(event.data as ArrayBuffer))
          if (frame.type === 'accepted' && answered(frame.ref, frame)) return
          if (welcomed) o.onData?.(frame)
        }
      } catch (error) {
        fail(
          error instanceof MeshError
            ? error
            : new MeshError('internal', 'a frame was not handled', { cause: error }),
        )
      }
    }
    socket.onclose = event => {
      settleClosed({ code: event.code, reason: event.reason, ...(why ? { why } : {}) })
      fail(gone())
    }
    socket.onerror = () => {}
  })
}

const gone = (cause?: unknown): MeshError =>
  new MeshError('unreachable', 'the connection to the broker ended', { cause })

const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>

const errorOf = (frame: BrokerFrameOf<'error'>): MeshError =>
  new MeshError(frame.code, frame.message, {
    field: frame.field,
    ...(frame.retryAfterMs === undefined
      ? {}
      : { retryAfterMs: Math.min(frame.retryAfterMs, LONGEST_ASKED_MS) }),
    facts: frame.facts,
  })

function expectAnswer<T extends BrokerFrame['type']>(
  frame: BrokerFrame | DataFrame,
  type: T,
): BrokerFrameOf<T> {
  if (frame.type !== type) throw new MeshError('bad-frame', `the broker answered ${frame.type} for ${type}`)
  return frame as BrokerFrameOf<T>
}
