/** Who is on the socket: nothing is served before a hello that is signed over this socket's nonce, this broker's key and host. */
import { inviteByCode, type Roster, requireOpenInvite, verifyHello } from '@claudemesh/crypto'
import {
  type ClientFrameOf,
  encodeBrokerFrame,
  equalBytes,
  LIMITS,
  MeshError,
  TIMES,
  toBase64url,
} from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import { openCurrent } from '../roster/catch-up.ts'
import { foundMesh } from '../roster/found-mesh.ts'
import type { MeshState } from '../roster/mesh-state.ts'
import type { Connection, Standing } from './connection.ts'

type Hello = ClientFrameOf<'hello'>

/** The first frame of every socket. */
export function challenge(broker: Broker, connection: Connection): void {
  const frame = {
    type: 'challenge',
    nonce: connection.nonce,
    brokerKey: broker.key.publicKey,
    time: broker.clock.now(),
  } as const
  connection.sendJson(encodeBrokerFrame(frame))
}

/** Answers a hello with `welcome`, or throws the `MeshError` that refuses it. */
export async function sayHello(broker: Broker, connection: Connection, hello: Hello): Promise<void> {
  // Gone while it waited for its turn: nobody is left to be greeted.
  if (!connection.open) return
  const before = connection.standing
  const anew = before.is === 'invited' && before.joined && hello.as === 'member'
  if (before.is !== 'stranger' && !anew)
    throw new MeshError('bad-frame', 'A socket says hello once.', { field: 'type' })
  checkProof(broker, connection, hello)
  const standing = await standingOf(broker, connection, hello)
  const checkpoint = await broker.db.newestCheckpoint(standing.mesh.id)
  // The socket may have gone while the roster was read.
  if (!connection.open) return
  leaveMesh(connection)
  connection.deadline()
  broker.rates.leave(connection.address)
  connection.standing = standing
  // Who comes first is told of it now; later ones may know of a newer one than those who are here.
  if (standing.mesh.sockets.size === 0) standing.mesh.checkpointSize = checkpoint?.size ?? 0
  if (standing.is === 'member') standing.mesh.sockets.add(connection)
  else if (standing.is === 'invited') standing.mesh.guests++
  connection.sendJson(welcome(broker, standing.mesh, checkpoint?.note ?? null, hello.ref))
  endHandshake(connection, { as: hello.as })
  broker.log.debug('hello', { as: hello.as, member: toBase64url(hello.key) })
}

/** Ends the span of its handshake; does nothing where that has ended. */
export function endHandshake(connection: Connection, facts: { as?: Hello['as'] }, error?: string): void {
  connection.handshake?.end(facts, error)
  connection.handshake = undefined
}

/** Takes the socket out of its mesh: at its end, or before it says hello anew. */
export function leaveMesh(connection: Connection): void {
  const { standing } = connection
  if (standing.is === 'member') standing.mesh.sockets.delete(connection)
  else if (standing.is === 'invited') standing.mesh.guests--
}

function checkProof(broker: Broker, { nonce }: Connection, hello: Hello): void {
  const { host, key, signature } = hello
  if (!broker.hosts.includes(host))
    throw new MeshError('unauthenticated', 'This broker is not known by that host: see PUBLIC_HOSTS.', {
      field: 'host',
    })
  const mesh = hello.as === 'invite' ? null : hello.mesh
  if (!verifyHello({ nonce, brokerKey: broker.key.publicKey, host, mesh, key, signature }))
    throw new MeshError(
      'unauthenticated',
      'The signature does not stand for this socket, broker, host, mesh and key.',
      { field: 'signature' },
    )
}

async function standingOf(
  broker: Broker,
  connection: Connection,
  hello: Hello,
): Promise<Exclude<Standing, { is: 'stranger' }>> {
  const { key, host } = hello
  if (hello.as === 'member') {
    const mesh = await openCurrent(broker, hello.mesh)
    checkMember(mesh.roster, key)
    return { is: 'member', mesh, key, host }
  }
  if (hello.as === 'create')
    return { is: 'member', mesh: await foundMesh(broker, connection, hello), key, host }
  const id = await broker.db.findInviteMesh(hello.code)
  if (id === null) throw new MeshError('not-found', 'No such invite.', { field: 'code' })
  const mesh = await openCurrent(broker, id)
  return {
    is: 'invited',
    mesh,
    key,
    host,
    invite: openInvite(mesh, hello.code, key, broker.clock.now()),
    joined: false,
  }
}

/** Throws unless `key` is a member now. */
function checkMember(roster: Roster, key: Uint8Array): void {
  const name = toBase64url(key)
  if (roster.members.has(name)) return
  if (roster.removed.has(name))
    throw new MeshError('removed', 'This member was removed from the mesh.', { field: 'key' })
  throw new MeshError('unauthenticated', 'This key is not a member of the mesh.', { field: 'key' })
}

function openInvite({ roster }: MeshState, code: Uint8Array, key: Uint8Array, now: number): Uint8Array {
  const invite = inviteByCode(roster, code)
  if (!invite) throw new MeshError('not-found', 'No such invite.', { field: 'code' })
  const { body } = invite.entry
  if (!equalBytes(body.key, key))
    throw new MeshError('unauthenticated', 'This is not the key of the invite.', { field: 'key' })
  requireOpenInvite(invite, now)
  return invite.hash
}

function welcome(
  { settings, clock }: Broker,
  mesh: MeshState,
  checkpoint: string | null,
  ref: number | undefined,
): string {
  return encodeBrokerFrame({
    type: 'welcome',
    ref,
    mesh: mesh.id,
    limits: {
      frameBytes: Math.min(settings.FRAME_BYTES, LIMITS.frameBytes),
      bodyBytes: settings.BODY_BYTES,
      recipientsPerEnvelope: settings.RECIPIENTS,
      ttlMs: settings.TTL_MS,
      windowEnvelopes: settings.WINDOW_ENVELOPES,
      windowBytes: settings.WINDOW_BYTES,
    },
    rosterSeq: mesh.roster.seq,
    rosterHead: mesh.roster.head,
    checkpoint,
    leaseMs: TIMES.graceMs,
    time: clock.now(),
    ...(mesh.copiesMissing ? { copiesMissing: true } : {}),
  })
}
