/** Who is there: every session that proved itself, and every person of whom none is shown. */

import type { MemberView, SessionView } from '@claudemesh/client'
import { equalBytes, MeshError, type Recipient, toBase64url } from '@claudemesh/protocol'
import { Hono } from 'hono'
import { ROUTES } from '../../api/routes.ts'
import type { Peer } from '../../api/schema.ts'
import type { Daemon } from '../daemon.ts'
import { asked, type Call, type Env, isSet, speakerOf } from '../http.ts'
import { sessionLabel } from '../labels.ts'
import type { OpenMesh } from '../meshes.ts'
import { type Standing, standings } from '../verification.ts'
import { whenPeersKnown } from '../when-online.ts'
import { whoIn } from '../who.ts'

export function peerRoutes(daemon: Daemon): Hono<Env> {
  return new Hono<Env>().get(ROUTES.peers[1], async call => {
    await Promise.all(placesOf(daemon, call).map(({ mesh }) => whenPeersKnown(mesh.client)))
    const look = () => placesOf(daemon, call).flatMap(({ mesh, self }) => peersIn(daemon, mesh, self))
    if (!isSet(call, 'follow')) return call.json(look())
    look()
    return new Response(following(daemon, look), { headers: { 'content-type': 'application/x-ndjson' } })
  })
}

/** What changes without a frame of the broker, as what this machine says of its own sessions, is seen so soon, ms. */
const LOOK_MS = 500

/** All peers as one line, now and whenever anything about them changed. Ends when the reader goes, or what it asks for is gone. */
function following(daemon: Daemon, look: () => Peer[]): ReadableStream<Uint8Array> {
  const text = new TextEncoder()
  let end = () => {}
  return new ReadableStream<Uint8Array>({
    start(controller) {
      let last = ''
      const tell = () => {
        try {
          const line = `${JSON.stringify(look())}\n`
          if (line !== last) controller.enqueue(text.encode(line))
          last = line
        } catch (error) {
          if (!(error instanceof MeshError)) throw error
          close()
        }
      }
      const stops = daemon.meshes.all.flatMap(({ client }) =>
        (['presence', 'roster', 'state'] as const).map(event => client.on(event, tell)),
      )
      const timer = setInterval(tell, LOOK_MS)
      const close = () => {
        end()
        controller.close()
      }
      end = () => {
        clearInterval(timer)
        for (const stop of stops) stop()
        daemon.ending.removeEventListener('abort', close)
      }
      daemon.ending.addEventListener('abort', close)
      tell()
    },
    cancel: () => end(),
  })
}

/** `self`: the session that asks; `null`: the person, whose sessions are all herself. */
function placesOf(daemon: Daemon, call: Call): { mesh: OpenMesh; self: Recipient['session'] }[] {
  const as = asked(call, 'as')
  const mesh = asked(call, 'mesh')
  if (call.get('caller').kind === 'session' || as !== undefined) {
    const speaks = speakerOf(daemon, call, { as, mesh })
    return [{ mesh: speaks.mesh, self: speaks.speaker?.signer.publicKey ?? null }]
  }
  const meshes = mesh === undefined ? daemon.meshes.all : [daemon.meshes.find(mesh)]
  return meshes.map(each => ({ mesh: each, self: null }))
}

function peersIn(daemon: Daemon, mesh: OpenMesh, self: Recipient['session']): Peer[] {
  const who = whoIn(mesh, daemon.sessions)
  const { members, sessions } = who
  const standing = standings(who)
  const { name } = mesh.client.view()
  const byMember = Map.groupBy(sessions, session => toBase64url(session.recipient.member))
  return members.flatMap(member => {
    const theirs = byMember.get(toBase64url(member.key))
    const worth = standing(member.key)
    if (!theirs) return [person(member, name, worth)]
    return theirs.map(session => {
      const isSelf = self === null ? session.self : equalBytes(session.recipient.session!, self)
      const own = session.self ? daemon.sessions.byUuid(session.uuid, mesh)[0] : undefined
      return { ...shown(session, name, isSelf, worth), deliver: own?.row.deliver ?? null }
    })
  })
}

function shown(session: SessionView, mesh: string, self: boolean, standing: Standing): Omit<Peer, 'deliver'> {
  const { profile, lease } = session
  return {
    name: sessionLabel(session),
    person: session.memberName,
    member: toBase64url(session.recipient.member),
    session: toBase64url(session.recipient.session!),
    uuid: session.uuid,
    status: session.status,
    statusSource: session.source,
    statusAt: session.statusAt,
    online: lease !== 'offline' && session.status !== 'closed',
    lease,
    role: profile?.role ?? '',
    groups: profile?.groups ?? [],
    summary: profile?.summary ?? '',
    directory: profile?.directory ?? '',
    waitingFor: session.status === 'waiting' ? (profile?.waitingFor ?? '') : '',
    ...standing,
    self,
    mesh,
  }
}

const person = (member: MemberView, mesh: string, standing: Standing): Peer => ({
  name: member.name,
  person: member.name,
  member: toBase64url(member.key),
  session: null,
  uuid: null,
  status: 'unknown',
  statusSource: 'daemon',
  statusAt: member.joinedAt,
  online: false,
  lease: 'offline',
  role: '',
  groups: [],
  summary: '',
  directory: '',
  waitingFor: '',
  deliver: null,
  ...standing,
  self: member.self,
  mesh,
})
