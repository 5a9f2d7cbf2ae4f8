/** The binary frames a client may send: `send` and `ack`, told apart by their first byte. */
import { DATA_TYPES, MeshError } from '@claudemesh/protocol'
import { noteLimited } from '../audit/note-refusals.ts'
import type { Broker } from '../broker.ts'
import { acceptSend } from '../delivery/accept.ts'
import { bytesIndex } from '../delivery/recipient-index.ts'
import { takeAcks } from '../delivery/take-acks.ts'
import type { Connection, Standing } from './connection.ts'

/** Who sends too fast is heard again when the bucket has room, and after this long at most, ms: it may hold acks of others too. */
const DEAF_MS = 250

/**
 * Takes one binary frame. The promise of one that was too fast resolves when the next may be heard: a member that asks again at once
 * costs no more than one that waits. Throws the `MeshError` that refuses all of it.
 */
export function dataFrame(
  broker: Broker,
  connection: Connection,
  standing: Extract<Standing, { is: 'member' }>,
  frame: Uint8Array,
): Promise<void> | undefined {
  const { settings, metrics, tracing, lane, clock, rates } = broker
  switch (frame[0]) {
    case DATA_TYPES.send: {
      const wait = acceptSend(
        {
          lane,
          metrics,
          tracing,
          limits: { ttlMs: settings.TTL_MS, bodyBytes: settings.BODY_BYTES, recipients: settings.RECIPIENTS },
          now: () => clock.now(),
          take: (member, count) => {
            const wait = rates.envelopes.take(bytesIndex(member), count, clock.now())
            if (wait > 0) noteLimited(broker, connection, 'envelopes')
            return wait
          },
          draining: () => broker.draining,
        },
        {
          socket: connection,
          member: standing.key,
          mesh: standing.mesh,
          attachments: connection.attachments,
        },
        frame,
      )
      if (wait === 0) return undefined
      return new Promise(resolve => void clock.after(Math.min(wait, DEAF_MS), resolve))
    }
    case DATA_TYPES.ack:
      takeAcks(lane, metrics, connection, frame)
      return undefined
    case DATA_TYPES['room.append']:
    case DATA_TYPES['room.event']:
      throw new MeshError('unsupported', 'This broker knows no rooms.', { field: 'type' })
    default:
      throw new MeshError('bad-frame', 'No frame of a client.', { field: 'type' })
  }
}
