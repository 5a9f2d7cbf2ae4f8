/** Frames of one socket, in order: one is handled after the other, and each that carries `ref` gets exactly one answer. */
import { type ClientFrameOf, MeshError, parseClientFrame } from '@claudemesh/protocol'
import { noteLimited, noteRefusedHello } from '../audit/note-refusals.ts'
import type { Broker } from '../broker.ts'
import { within } from '../telemetry/tracing.ts'
import type { Connection } from './connection.ts'
import { dataFrame } from './data-frame.ts'
import { asMeshError, errorFrame } from './error-frame.ts'
import { controlFrame } from './frame-table.ts'
import { endHandshake, sayHello } from './handshake.ts'

/** What may wait behind the frame that is being handled. */
const WAITING_FRAMES = 1024
const STRANGER_FRAMES = 64
const STRANGER_MISTAKES = 8
const WAITING_BYTES = 4 << 20

/** Takes one frame from a socket. */
export function receive(broker: Broker, connection: Connection, frame: string | Uint8Array): void {
  connection.heardAt = broker.clock.now()
  broker.metrics.count.framesIn++
  broker.metrics.count.bytesIn += frame.length
  if (!connection.open) return
  if (connection.busy) wait(broker, connection, frame)
  else handle(broker, connection, frame)
}

function wait(broker: Broker, connection: Connection, frame: string | Uint8Array): void {
  const stranger = connection.standing.is === 'stranger'
  const frames = stranger ? STRANGER_FRAMES : WAITING_FRAMES
  if (connection.inbox.length < frames && connection.inboxBytes + frame.length <= WAITING_BYTES) {
    connection.inbox.push(frame)
    connection.inboxBytes += frame.length
  } else if (stranger) connection.close('rate')
  else
    answerError(
      broker,
      connection,
      new MeshError('rate', 'Too many frames wait on this socket.', { retryAfterMs: 1000 }),
      refOf(frame),
    )
}

function handle(broker: Broker, connection: Connection, frame: string | Uint8Array): void {
  let work: Promise<void> | undefined
  try {
    work = dispatch(broker, connection, frame)
  } catch (cause) {
    answerError(broker, connection, cause, refOf(frame))
  }
  if (work === undefined) return
  connection.busy = true
  void work
    .catch(cause => answerError(broker, connection, cause, refOf(frame)))
    .then(() => {
      connection.busy = false
      while (!connection.busy && connection.open) {
        const next = connection.inbox.shift()
        if (next === undefined) return
        connection.inboxBytes -= next.length
        handle(broker, connection, next)
      }
    })
}

function dispatch(
  broker: Broker,
  connection: Connection,
  frame: string | Uint8Array,
): Promise<void> | undefined {
  if (frame.length > broker.settings.FRAME_BYTES)
    throw new MeshError('too-large', `A frame holds at most ${broker.settings.FRAME_BYTES} bytes.`, {
      field: 'frame',
    })
  const { standing } = connection
  if (typeof frame !== 'string') {
    if (standing.is !== 'member') throw new MeshError('unauthenticated', 'Say hello as a member first.')
    return dataFrame(broker, connection, standing, frame)
  }
  const control = parseClientFrame(frame, broker.settings.FRAME_BYTES)
  if (control.type === 'hello') return greet(broker, connection, control)
  if (standing.is === 'stranger')
    throw new MeshError('unauthenticated', 'Say hello first.', { field: 'type' })
  return controlFrame(broker, connection, standing, control)
}

/** A hello that is refused ends the socket: the next try gets a fresh nonce. */
async function greet(broker: Broker, connection: Connection, hello: ClientFrameOf<'hello'>): Promise<void> {
  const stranger = connection.standing.is === 'stranger'
  try {
    await within(broker.tracing, connection.handshake, () =>
      broker.turnstiles.greet(() => sayHello(broker, connection, hello)),
    )
  } catch (cause) {
    const { code } = asMeshError(cause)
    endHandshake(connection, { as: hello.as }, code)
    answerError(broker, connection, cause, hello.ref)
    if (stranger) connection.close(code === 'removed' ? 'removed' : 'unauthenticated')
    await noteRefusedHello(broker, connection, hello, code)
  }
}

/** Errors a stranger makes before its hello are told a few times, then it is closed. */
function answerError(broker: Broker, connection: Connection, cause: unknown, ref: number | undefined): void {
  const error = asMeshError(cause)
  broker.metrics.refused(error.code)
  if (error.code === 'rate') noteLimited(broker, connection, 'frames')
  if (error.code === 'internal') broker.log.error('frame.failed', cause)
  if (connection.standing.is === 'stranger' && ++connection.mistakes > STRANGER_MISTAKES)
    connection.close('rate')
  else connection.sendJson(errorFrame(error, ref))
}

/** The `ref` of a frame that may be broken; `undefined` where there is none to be read. */
function refOf(frame: string | Uint8Array): number | undefined {
  if (typeof frame !== 'string')
    return frame.length < 8
      ? undefined
      : new DataView(frame.buffer, frame.byteOffset).getUint32(4) || undefined
  if (frame.length > SEARCHED) return undefined
  try {
    const { ref } = JSON.parse(frame)
    return Number.isInteger(ref) && ref >= 1 && ref <= 0xffff_ffff ? ref : undefined
  } catch {
    return undefined
  }
}
const SEARCHED = 4 << 20
