/** A storm of frames on one broker process, through many sockets, while two peers talk: what it did to them and to its memory. */

import { encodeClientFrame, encodeFrame } from '@claudemesh/protocol'
import { type BrokerProcess, freshDatabase, startBrokerProcess } from '@claudemesh/testkit'
import { append, attached, type Founded, foundMesh, greeted } from '../test-broker.ts'
import { newEnvelope } from '../test-envelope.ts'
import { newInvite, newMember, newSession } from '../test-member.ts'
import { TestSocket } from '../test-socket.ts'
import { clientFrames } from './client-frames.ts'
import { converse, type Way } from './conversation.ts'
import type { Json } from './json-places.ts'
import { type Random, seeded } from './random.ts'
import { residentBytes } from './resident-memory.ts'
import { type Sound, stormFrame } from './storm-frames.ts'
import { StormSocket } from './storm-socket.ts'

export interface StormReport {
  readonly framesReceived: number
  readonly failures: readonly string[]
  /** Sockets of members that were not there any more at the end. */
  readonly lost: number
  readonly ways: readonly Way[]
  /** After each round, bytes; the first stands before any frame of the storm. */
  readonly resident: readonly number[]
  readonly log: string
}

/** Sockets of members, flooding at once. */
const MEMBERS = 10
/** Frames on the way before the broker is asked whether it keeps up: below what may wait on a socket. */
const BURST = 100
/** A stranger is closed at its ninth mistake. */
const STRANGERS_BURST = 9

/**
 * By how much the broker grew for good, bytes: its leanest moment of the last three rounds against its fattest of three warm ones.
 * What a collector has not yet come to moves up and down by some 30 MB and does not count; what is kept only grows.
 */
export function grown({ resident }: StormReport): number {
  if (resident.length < 1 + 8) throw new Error('too few rounds to tell growth from noise')
  return Math.min(...resident.slice(-3)) - Math.max(...resident.slice(3, 6))
}

/** Sends `rounds` times `perRound` frames. Rates are unlimited: the parser is meant, not the buckets. */
export async function storm(p: { rounds: number; perRound: number; seed: number }): Promise<StormReport> {
  const database = await freshDatabase()
  const broker = await startBrokerProcess(database.url, {
    RATE_ENVELOPES: '0',
    RATE_FRAMES: '0',
    RATE_ADDRESS: '0',
    LOG_LEVEL: 'warn',
  })
  try {
    return await weather(broker, p)
  } finally {
    await broker.close()
    await database.drop()
  }
}

async function weather(broker: BrokerProcess, p: { rounds: number; perRound: number; seed: number }) {
  const port = Number(new URL(broker.url).port)
  const { challenge, ws } = await TestSocket.open(port)
  ws.close()
  const founded = await foundMesh({ port, brokerKey: challenge.brokerKey })
  const { mesh } = founded
  const [alice, bob] = [
    await attached(port, mesh, await founded.join()),
    await attached(port, mesh, await founded.join()),
  ]
  const random = seeded(p.seed)
  const floods: Flood[] = []
  // One after the other: they join.
  while (floods.length < MEMBERS) floods.push(await flood(port, founded, random))
  const guest = await invited(port, founded)
  const framesBefore = await framesIn(broker)
  const talk = converse(mesh.id, alice, bob)
  const resident = [residentBytes(broker.pid)]
  for (let round = 0; round < p.rounds; round++) {
    const share = Math.ceil(p.perRound / (MEMBERS + 2))
    await Promise.all([
      ...[...floods, guest].map(({ socket, sound }) => pour(socket, sound, random, share)),
      strangers(port, floods[0]!.sound, random, share),
    ])
    resident.push(residentBytes(broker.pid))
  }
  const ways = await talk.end()
  const sockets = [...floods, guest].map(({ socket }) => socket)
  return {
    framesReceived:
      (await framesIn(broker)) - framesBefore - ways.reduce((sum, { sent }) => sum + sent.length * 2, 0),
    failures: sockets.flatMap(({ failures }) => failures),
    lost: sockets.filter(({ open }) => !open).length,
    ways,
    resident,
    log: broker.log(),
  }
}

interface Flood {
  readonly socket: StormSocket
  readonly sound: Sound
}

/** A member with a session of its own, and what it could rightly say. Its mail goes to itself: it fills no other's queue. */
async function flood(port: number, { mesh, join }: Founded, random: Random): Promise<Flood> {
  const member = await join()
  const session = newSession(member)
  const socket = await greeted(port, mesh, member)
  const { attachment } = await socket.attach(mesh, session)
  const { recipient } = session
  const frames = Object.values(clientFrames({ socket, mesh, member, session }))
  const json = frames.map((frame, i) => JSON.parse(encodeClientFrame({ ...frame, ref: i + 1 })) as Json)
  const envelopes = () =>
    Array.from({ length: 1 + random.whole(3) }, () =>
      newEnvelope({ mesh: mesh.id, from: recipient, to: [recipient], size: 256 }),
    )
  const binary = [
    ...Array.from({ length: 20 }, (_, i) =>
      encodeFrame({ type: 'send', ref: 100 + i, envelopes: envelopes() }),
    ),
    encodeFrame({ type: 'ack', ref: 99, acks: [{ recipient, attachment, upTo: 1 }] }),
  ]
  return { socket: new StormSocket(socket.ws), sound: { json, binary } }
}

async function invited(port: number, { mesh, socket: owner }: Founded): Promise<Flood> {
  const invite = newInvite(mesh)
  await append(owner, mesh, invite.entry)
  const socket = await TestSocket.open(port)
  const welcome = await socket.helloInvite(invite.code, invite.key)
  if (welcome.type !== 'welcome') throw new Error(JSON.stringify(welcome))
  const member = newMember()
  const frames = Object.values(clientFrames({ socket, mesh, member, session: newSession(member) }))
  const binary = [
    encodeFrame({ type: 'ack', ref: 99, acks: [{ recipient: member.person, attachment: 1, upTo: 1 }] }),
  ]
  return {
    socket: new StormSocket(socket.ws),
    sound: { json: frames.map(f => JSON.parse(encodeClientFrame(f)) as Json), binary },
  }
}

async function pour(socket: StormSocket, sound: Sound, random: Random, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += BURST) {
    for (let i = 0; i < Math.min(BURST, count - sent); i++) socket.send(stormFrame(random, sound))
    await socket.handled()
  }
}

/** One after the other, each with what it gets said before it is closed. */
async function strangers(port: number, sound: Sound, random: Random, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += STRANGERS_BURST) {
    const stranger = new StormSocket(port)
    await stranger.challenged()
    for (let i = 0; i < STRANGERS_BURST; i++) stranger.send(stormFrame(random, sound))
    await stranger.closed
  }
}

async function framesIn(broker: BrokerProcess): Promise<number> {
  const metrics = await (await fetch(`${broker.url}/metrics`)).text()
  return Number(/^claudemesh_frames_in_total (\d+)$/m.exec(metrics)?.[1])
}
