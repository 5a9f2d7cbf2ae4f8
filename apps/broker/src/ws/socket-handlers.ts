/** The life of a socket from upgrade to close, as Bun tells it. */
import { CLOSE, LIMITS, SUBPROTOCOL } from '@claudemesh/protocol'
import type { Server, WebSocketHandler } from 'bun'
import type { Broker } from '../broker.ts'
import { endAttachments } from '../delivery/end-attachments.ts'
import { originAllowed } from '../http/security-headers.ts'
import { isCutOff } from '../presence/leases.ts'
import { Connection, type SocketData } from './connection.ts'
import { challenge, endHandshake, leaveMesh } from './handshake.ts'
import { receive } from './receive.ts'

/** What Bun may keep for a socket that does not read; beyond it the socket is cut off. */
const BACKPRESSURE_BYTES = 8 << 20

/** Answers the upgrade of /ws: `undefined` once it is a socket, else why not. */
export function upgrade(
  broker: Broker,
  request: Request,
  server: Pick<Server<SocketData>, 'upgrade'>,
  from: { address: string; local: boolean },
): Response | undefined {
  const { rates, clock, metrics } = broker
  const refuse = (status: number, reason: string) => {
    metrics.refused(reason)
    return new Response(null, {
      status,
      headers: status === 429 || status === 503 ? { 'Retry-After': '1' } : {},
    })
  }
  if (broker.draining) return refuse(503, 'draining')
  if (isCutOff(broker)) return refuse(503, 'cut-off')
  if (!originAllowed(broker, request.headers.get('Origin'))) return refuse(403, 'origin')
  if (rates.address.take(from.address, 1, clock.now()) > 0) return refuse(429, 'rate')
  const offered =
    request.headers
      .get('Sec-WebSocket-Protocol')
      ?.split(',')
      .map(name => name.trim()) ?? []
  const spoken = offered.includes(SUBPROTOCOL)
  if (!rates.enter(from.address)) return refuse(429, 'waiting-sockets')
  const headers: Record<string, string> = spoken ? { 'Sec-WebSocket-Protocol': SUBPROTOCOL } : {}
  if (server.upgrade(request, { headers, data: { connection: null, ...from, spoken } })) return undefined
  rates.leave(from.address)
  return refuse(426, 'no-upgrade')
}

/** Bun's handlers of /ws. */
export function socketHandlers(broker: Broker): WebSocketHandler<SocketData> {
  const { settings, metrics, tracing, clock, connections, window } = broker
  return {
    // Above this Bun closes without a word: leave room to answer `too-large` first.
    maxPayloadLength: Math.max(settings.FRAME_BYTES, LIMITS.frameBytes) * 2,
    backpressureLimit: BACKPRESSURE_BYTES,
    idleTimeout: 0,
    sendPings: false,
    perMessageDeflate: false,
    open(ws) {
      ws.binaryType = 'uint8array'
      const connection = new Connection(ws, metrics, clock.now())
      connection.handshake = tracing?.start('handshake')
      ws.data.connection = connection
      connections.add(connection)
      connection.ended = () => leave(broker, connection)
      if (!ws.data.spoken) return ws.close(CLOSE.unsupported.code, CLOSE.unsupported.reason)
      connection.deadline = clock.after(settings.HANDSHAKE_MS, () => {
        metrics.refused('handshake-timeout')
        connection.close('handshakeTimeout')
      })
      challenge(broker, connection)
    },
    message(ws, frame) {
      if (ws.data.connection !== null) receive(broker, ws.data.connection, frame)
    },
    drain(ws) {
      const { connection } = ws.data
      if (connection === null) return
      connection.congested = false
      const due = clock.now()
      for (const attachment of connection.attached) attachment.redeliverAt = due + attachment.redeliverStep
      window.pump(connection)
    },
    pong: ws => heard(ws.data),
    ping: ws => heard(ws.data),
    close(ws) {
      ws.data.connection?.end()
    },
  }

  function heard({ connection }: SocketData): void {
    if (connection !== null) connection.heardAt = clock.now()
  }
}

function leave(broker: Broker, connection: Connection): void {
  connection.deadline()
  endHandshake(connection, {}, 'closed')
  broker.connections.delete(connection)
  if (connection.standing.is === 'stranger') broker.rates.leave(connection.address)
  leaveMesh(connection)
  connection.inbox.length = 0
  void endAll(broker, connection)
}

async function endAll(broker: Broker, connection: Connection): Promise<void> {
  const { standing } = connection
  if (standing.is !== 'member') return
  const ended = [...connection.attachments.values()]
  connection.attachments.clear()
  try {
    await endAttachments(broker, standing.mesh, ended)
  } catch (cause) {
    broker.log.error('detach.failed', cause)
  }
}
