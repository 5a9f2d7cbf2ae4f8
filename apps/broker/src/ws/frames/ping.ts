/** `ping` → `pong` with the broker's time: the heartbeat of clients that cannot send one of the WebSocket itself. */
import { type ClientFrameOf, encodeBrokerFrame } from '@claudemesh/protocol'
import type { Broker } from '../../broker.ts'
import type { Connection } from '../connection.ts'

export function pingFrame(
  { clock }: Broker,
  connection: Connection,
  { ref }: ClientFrameOf<'ping'>,
): undefined {
  connection.sendJson(encodeBrokerFrame({ type: 'pong', ref, time: clock.now() }))
}
