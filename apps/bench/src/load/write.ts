/** Senders that say what they have as fast as it is taken, and count what was refused. */
import { compareBytes } from '@claudemesh/protocol'
import type { Command, Written } from './commands.ts'
import { sendFrame, sendItem } from './envelope-bytes.ts'
import { meshAt } from './join-mesh.ts'
import type { LightClient } from './light-client.ts'

const ACCEPTED = 2
const HEAD_BYTES = 8
/** Of a result: id, then its code, seq, index and time, then how many states follow. */
const CODE_AT = 16
const STATES_AT = 41
const RESULT_BYTES = 43

/** Sends `messages`, or for `ms`: by every sender to one of `to`, or to all of them. Resolves when each was answered. */
export async function write({
  place,
  to,
  fan,
  senders,
  messages = Number.POSITIVE_INFINITY,
  ms = Number.POSITIVE_INFINITY,
  bodyBytes,
  perFrame,
  window,
}: Extract<Command, { do: 'write' }>): Promise<Written> {
  const { mesh, seat } = meshAt(place)
  // An envelope names its recipients in order; all are of one member here.
  const targets = to.toSorted((a, b) => compareBytes(a.session!, b.session!))
  const seats: { client: LightClient; item: Uint8Array }[] = []
  while (seats.length < senders) {
    const { client, recipient } = await seat()
    const its = fan === 'all' ? targets : [targets[seats.length % targets.length]!]
    seats.push({ client, item: sendItem(mesh, recipient, its, bodyBytes) })
  }
  const end = performance.now() + ms
  const written = { accepted: 0, refused: 0 }
  let sent = 0
  await Promise.all(
    seats.map(
      ({ client, item }) =>
        new Promise<void>(resolve => {
          let underWay = 0
          const push = () => {
            while (underWay + perFrame <= window && sent < messages && performance.now() < end) {
              const count = Math.min(perFrame, messages - sent)
              client.send(sendFrame(item, count, sent, Date.now()))
              sent += count
              underWay += count
            }
            if (underWay === 0) resolve()
          }
          client.onFrame = frame => {
            if (frame[0] !== ACCEPTED) return
            const { accepted, refused } = answersIn(frame)
            written.accepted += accepted
            written.refused += refused
            underWay -= accepted + refused
            push()
          }
          push()
        }),
    ),
  )
  return written
}

function answersIn(frame: Uint8Array): Written {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const answers = { accepted: 0, refused: 0 }
  for (let at = HEAD_BYTES; at < frame.length; at += RESULT_BYTES + view.getUint16(at + STATES_AT))
    if (frame[at + CODE_AT] === 0) answers.accepted++
    else answers.refused++
  return answers
}
