/** What arrives on a WebSocket, at the broker and at a client. */
import {
  decodeFrame,
  encodeBrokerFrame,
  encodeClientFrame,
  encodeFrame,
  equalBytes,
  MeshError,
  parseBrokerFrame,
  parseClientFrame,
  scanSend,
} from '@claudemesh/protocol'
import type { Target } from '../target.ts'

const utf8 = new TextDecoder()

/** A client's control frame: what was read says the same when it is written and read again. */
export const clientFrames: Target = {
  name: 'client-frame',
  form: 'json',
  read(input) {
    const frame = parseClientFrame(utf8.decode(input))
    const said = encodeClientFrame(frame)
    if (encodeClientFrame(parseClientFrame(said)) !== said)
      throw new Error('read again, it says something else')
    return `${frame.type} ${Object.keys(frame).length}`
  },
}

/** A broker's control frame, likewise. */
export const brokerFrames: Target = {
  name: 'broker-frame',
  form: 'json',
  read(input) {
    const frame = parseBrokerFrame(utf8.decode(input))
    const said = encodeBrokerFrame(frame)
    if (encodeBrokerFrame(parseBrokerFrame(said)) !== said)
      throw new Error('read again, it says something else')
    return `${frame.type} ${Object.keys(frame).length}`
  },
}

/** A frame of the data path: there is one spelling of every value, and both readers of a `send` agree. */
export const dataFrames: Target = {
  name: 'data-frame',
  form: 'bytes',
  read(input) {
    const scanned = scan(input)
    const frame = decodeFrame(input)
    if (!equalBytes(encodeFrame(frame), input)) throw new Error('it has two spellings')
    if (frame.type !== 'send') return frame.type
    if (scanned?.envelopes.some(({ error }) => error !== null) !== false)
      throw new Error('the broker refuses what the codec reads')
    return `send ${frame.envelopes.length} to ${frame.envelopes.map(({ slots }) => slots.length)}`.slice(
      0,
      40,
    )
  },
}

/** `undefined` where the frame itself is refused; an envelope that is broken within it is not. */
function scan(input: Uint8Array): ReturnType<typeof scanSend> | undefined {
  try {
    return scanSend(input)
  } catch (cause) {
    if (cause instanceof MeshError) return undefined
    throw cause
  }
}
