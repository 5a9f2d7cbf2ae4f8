/** Which control frame is handled where, what it costs, and who may send it. */
import { type ClientFrame, MeshError } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import { bytesIndex } from '../delivery/recipient-index.ts'
import type { Connection, Standing } from './connection.ts'
import { attachFrame } from './frames/attach.ts'
import { auditGetFrame } from './frames/audit-get.ts'
import { auditProofFrame } from './frames/audit-proof.ts'
import { detachFrame } from './frames/detach.ts'
import { directoryFrame } from './frames/directory.ts'
import { pingFrame } from './frames/ping.ts'
import { prekeysGetFrame } from './frames/prekeys-get.ts'
import { prekeysPutFrame } from './frames/prekeys-put.ts'
import { presenceFrame } from './frames/presence.ts'
import { rosterAppendFrame } from './frames/roster-append.ts'
import { rosterCopiesFrame } from './frames/roster-copies.ts'
import { rosterGetFrame } from './frames/roster-get.ts'
import { rosterRestoreFrame } from './frames/roster-restore.ts'

type Control = Exclude<ClientFrame, { type: 'hello' }>

/** Tokens of the member's bucket of JSON frames. */
const COST: Readonly<Record<Control['type'], number>> = {
  attach: 2,
  detach: 1,
  presence: 1,
  directory: 2,
  'prekeys.get': 2,
  'prekeys.put': 1,
  'roster.get': 2,
  'roster.append': 10,
  'audit.proof': 2,
  'audit.get': 4,
  'roster.copies': 10,
  'roster.restore': 20,
  ping: 1,
}

/** Handles one control frame of a socket that has said hello: answers it, or throws what refuses it. */
export function controlFrame(
  broker: Broker,
  connection: Connection,
  standing: Exclude<Standing, { is: 'stranger' }>,
  frame: Control,
): Promise<void> | undefined {
  const wait = broker.rates.frames.take(bytesIndex(standing.key), COST[frame.type], broker.clock.now())
  if (wait > 0) throw new MeshError('rate', 'Too many frames of this member.', { retryAfterMs: wait })
  switch (frame.type) {
    case 'ping':
      return pingFrame(broker, connection, frame)
    case 'roster.get':
      return rosterGetFrame(broker, connection, standing, frame)
    case 'roster.append':
      return rosterAppendFrame(broker, connection, standing, frame)
  }
  if (standing.is !== 'member')
    throw new MeshError(
      'forbidden',
      'An invite may read the roster and join; say hello as a member for more.',
      { field: 'type' },
    )
  switch (frame.type) {
    case 'attach':
      return attachFrame(broker, connection, standing, frame)
    case 'detach':
      return detachFrame(broker, connection, standing, frame)
    case 'presence':
      return presenceFrame(broker, connection, standing, frame)
    case 'directory':
      return directoryFrame(broker, connection, standing, frame)
    case 'prekeys.get':
      return prekeysGetFrame(broker, connection, standing, frame)
    case 'prekeys.put':
      return prekeysPutFrame(broker, connection, standing, frame)
    case 'roster.copies':
      return rosterCopiesFrame(connection, standing, frame)
    case 'roster.restore':
      return rosterRestoreFrame(broker, connection, standing, frame)
    case 'audit.proof':
      return auditProofFrame(broker, connection, standing, frame)
    case 'audit.get':
      return auditGetFrame(broker, connection, standing, frame)
  }
}
