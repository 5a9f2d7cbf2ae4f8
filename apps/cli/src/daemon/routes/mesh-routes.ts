/** Meshes: founding, joining, leaving. */
import { userInfo } from 'node:os'
import { toBase64url } from '@claudemesh/protocol'
import { Hono } from 'hono'
import { createMesh, joinRequest, moveBroker, pauseMesh, renameRequest } from '../../api/mesh-schema.ts'
import { ROUTES } from '../../api/routes.ts'
import type { MeshInfo } from '../../api/schema.ts'
import { brokerPage } from '../broker-url.ts'
import type { Daemon } from '../daemon.ts'
import { type Env, readBody, userOnly } from '../http.ts'
import { membersOf } from '../member-view.ts'
import type { OpenMesh } from '../meshes.ts'
import { plainName } from '../plain-words.ts'
import { whenOnline } from '../when-online.ts'

export function meshRoutes(daemon: Daemon): Hono<Env> {
  const { meshes } = daemon
  return new Hono<Env>()
    .get(ROUTES.meshes[1], call => {
      userOnly(call)
      return call.json(meshes.all.map(meshInfoOf))
    })
    .post(ROUTES.createMesh[1], async call => {
      userOnly(call)
      const { name, broker, memberName, token } = await readBody(call, createMesh)
      const made = await meshes.create({
        name: plainName(name, 'name'),
        broker,
        memberName: plainName(memberName ?? userName(), 'memberName'),
        token,
      })
      return call.json(meshInfoOf(made))
    })
    .post(ROUTES.leaveMesh[1], async call => {
      userOnly(call)
      await meshes.leave(meshes.find(call.req.param('mesh')))
      return call.json({})
    })
    .post(ROUTES.renameMesh[1], async call => {
      userOnly(call)
      const mesh = meshes.find(call.req.param('mesh'))
      const { name } = await readBody(call, renameRequest)
      await whenOnline(mesh.client)
      await mesh.client.rename('mesh', plainName(name, 'name'))
      return call.json(meshInfoOf(mesh))
    })
    .post(ROUTES.moveBroker[1], async call => {
      userOnly(call)
      const mesh = meshes.find(call.req.param('mesh'))
      const { broker } = await readBody(call, moveBroker)
      await meshes.moveBroker(mesh, broker)
      return call.json(meshInfoOf(mesh))
    })
    .post(ROUTES.pauseMesh[1], async call => {
      userOnly(call)
      const mesh = meshes.find(call.req.param('mesh'))
      const { paused } = await readBody(call, pauseMesh)
      await whenOnline(mesh.client)
      await mesh.client.pauseMesh(paused)
      return call.json(meshInfoOf(mesh))
    })
    .post(ROUTES.joinPreview[1], async call => {
      userOnly(call)
      const { link } = await readBody(call, joinRequest)
      const seen = await meshes.preview(link)
      return call.json({
        mesh: seen.meshName,
        meshId: toBase64url(seen.mesh),
        inviter: seen.inviterName,
        role: seen.role,
        expiresAt: seen.expiresAt,
        broker: brokerPage(seen.url),
      })
    })
    .post(ROUTES.join[1], async call => {
      userOnly(call)
      const { link, name } = await readBody(call, joinRequest)
      const joined = await meshes.join(link, plainName(name ?? userName(), 'name'))
      const view = joined.client.view()
      return call.json({
        mesh: view.name,
        member: toBase64url(view.member),
        role: view.role ?? 'member',
        members: membersOf(joined, daemon.sessions),
      })
    })
}

export function meshInfoOf({ id, client }: OpenMesh): MeshInfo {
  const view = client.view()
  return {
    id,
    name: view.name,
    broker: brokerPage(view.url),
    member: toBase64url(view.member),
    memberName: view.memberName,
    role: view.role ?? 'viewer',
    state: client.state,
    why: client.why?.message ?? null,
    members: view.members,
    rosterSeq: view.rosterSeq,
    epoch: view.epoch,
    unconfirmedSince: view.unconfirmedSince,
    paused: client.paused && {
      since: client.paused.since,
      by: client.paused.byName,
      member: toBase64url(client.paused.by),
    },
  }
}

/** Of whoever runs the daemon, fit to be an address. */
function userName(): string {
  try {
    return userInfo().username.replace(/[/,@\s]+/g, '-')
  } catch {
    return 'me'
  }
}
