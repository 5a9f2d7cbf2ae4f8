/** A real broker on a real database of its own, in this process, and meshes founded on it over its socket. */
import { randomUUID } from 'node:crypto'
import { toBase64url } from '@claudemesh/protocol'
import { freshDatabase } from '@claudemesh/testkit'
import { type Clock, type RunningBroker, readSettings, startBroker } from '../src/index.ts'
import {
  newInvite,
  newJoin,
  newMember,
  newMesh,
  newSession,
  randomBytes,
  type TestMember,
  type TestMesh,
  type TestSession,
} from './test-member.ts'
import { TestSocket } from './test-socket.ts'

export interface TestBroker extends RunningBroker {
  readonly env: Record<string, string>
  readonly databaseUrl: string
}

/** Settings of a broker on `databaseUrl`: free port, quiet, no limit on rates. */
export const testEnv = (databaseUrl: string, more: Record<string, string> = {}): Record<string, string> => ({
  DATABASE_URL: databaseUrl,
  BROKER_KEY: toBase64url(randomBytes(32)),
  BROKER_PORT: '0',
  LOG_LEVEL: 'error',
  NODE_NAME: randomUUID(),
  RATE_ENVELOPES: '0',
  RATE_FRAMES: '0',
  RATE_ADDRESS: '0',
  ...more,
})

export async function testBroker(more: Record<string, string> = {}, clock?: Clock): Promise<TestBroker> {
  const { url: databaseUrl } = await freshDatabase()
  const env = testEnv(databaseUrl, more)
  return { ...(await startBroker(readSettings(env), clock)), env, databaseUrl }
}

/** A mesh founded on the broker, with the invite everybody else joins by. */
export interface Founded {
  readonly mesh: TestMesh
  readonly socket: TestSocket
  /** Adds a member to the mesh by a join. */
  join(): Promise<TestMember>
}

export async function foundMesh(
  { port, brokerKey }: { port: number; brokerKey: Uint8Array },
  now = Date.now(),
): Promise<Founded> {
  const mesh = newMesh(brokerKey, [`127.0.0.1:${port}`], now)
  const socket = await TestSocket.open(port)
  const welcome = await socket.helloCreate(mesh)
  if (welcome.type !== 'welcome') throw new Error(JSON.stringify(welcome))
  const invite = newInvite(mesh, now)
  await append(socket, mesh, invite.entry)
  const join = async () => {
    const member = newMember()
    await append(socket, mesh, newJoin(mesh, invite, member, now))
    return member
  }
  return { mesh, socket, join }
}

export async function append(
  socket: TestSocket,
  mesh: TestMesh,
  entry: TestMesh['entries'][number],
): Promise<void> {
  const answer = await socket.ask({ type: 'roster.append', entry, copies: null })
  if (answer.type !== 'appended') throw new Error(JSON.stringify(answer))
  mesh.entries.push(entry)
}

/** A socket of a member, greeted. */
export async function greeted(port: number, mesh: TestMesh, member: TestMember): Promise<TestSocket> {
  const socket = await TestSocket.open(port)
  const welcome = await socket.hello(member.signer, mesh.id)
  if (welcome.type !== 'welcome') throw new Error(JSON.stringify(welcome))
  return socket
}

export interface Attached {
  readonly socket: TestSocket
  readonly session: TestSession
  readonly attachment: number
}

/** A session of a member, attached on a socket of its own. */
export async function attached(
  port: number,
  mesh: TestMesh,
  member: TestMember,
  now = Date.now(),
  session = newSession(member, now),
): Promise<Attached> {
  const socket = await greeted(port, mesh, member)
  const { attachment } = await socket.attach(mesh, session, now)
  return { socket, session, attachment }
}
