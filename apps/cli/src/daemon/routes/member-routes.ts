/** Who is in a mesh, and the invites into it. */
import { type InviteView, lookAgain, type MemberView, type MeshClient } from '@claudemesh/client'
import { MeshError, toBase64url } from '@claudemesh/protocol'
import { Hono } from 'hono'
import { createInvite, renameRequest, setBlock, setRole } from '../../api/mesh-schema.ts'
import { ROUTES } from '../../api/routes.ts'
import { chooseOne } from '../choose-one.ts'
import type { Daemon } from '../daemon.ts'
import { asked, type Call, type Env, readBody, userOnly } from '../http.ts'
import { membersOf } from '../member-view.ts'
import type { OpenMesh } from '../meshes.ts'
import { plainName } from '../plain-words.ts'
import { refuseTakenName, standings } from '../verification.ts'
import { whenOnline } from '../when-online.ts'
import { whoIn } from '../who.ts'

export function memberRoutes(daemon: Daemon): Hono<Env> {
  const { meshes } = daemon
  const meant = (call: Call): OpenMesh => meshes.find(asked(call, 'mesh'))
  const listed = (call: Call): OpenMesh[] => (asked(call, 'mesh') === undefined ? meshes.all : [meant(call)])
  return new Hono<Env>()
    .get(ROUTES.members[1], call => {
      userOnly(call)
      return call.json(listed(call).flatMap(mesh => membersOf(mesh, daemon.sessions)))
    })
    .delete(ROUTES.removeMember[1], async call => {
      userOnly(call)
      const { client } = meant(call)
      await whenOnline(client)
      const member = await memberNamed(client, call.req.param('member'))
      if (member.self)
        throw new MeshError('usage', 'To leave yourself: claudemesh mesh leave', { field: 'member' })
      await client.remove(member.key)
      return call.json({})
    })
    .post(ROUTES.setRole[1], async call => {
      userOnly(call)
      const { role } = await readBody(call, setRole)
      const mesh = meant(call)
      const { client } = mesh
      await whenOnline(client)
      refuseTakenName(call.req.param('member'), whoIn(mesh, daemon.sessions), 'member')
      const { key, name } = await memberNamed(client, call.req.param('member'))
      const changed = await client.setRole(key, role)
      return call.json({ member: toBase64url(key), name, role, changed })
    })
    .post(ROUTES.block[1], async call => {
      userOnly(call)
      const { block, grant } = await readBody(call, setBlock)
      const { client, blocks } = meant(call)
      const { key, name, self } = await memberNamed(client, call.req.param('member'))
      if (self) throw new MeshError('usage', 'Nobody blocks themselves.', { field: 'member' })
      const member = toBase64url(key)
      const now = [...blocks.of(member), ...block].filter(one => !grant.includes(one))
      blocks.set(member, now)
      return call.json({ name, member, blocked: blocks.of(member) })
    })
    .post(ROUTES.rename[1], async call => {
      userOnly(call)
      const name = plainName((await readBody(call, renameRequest)).name, 'name')
      const { client } = meant(call)
      await whenOnline(client)
      await client.rename('member', name)
      return call.json({ name })
    })
    .post(ROUTES.createInvite[1], async call => {
      userOnly(call)
      const { mesh, role, uses, expiresMs } = await readBody(call, createInvite)
      const { client } = meshes.find(mesh)
      await whenOnline(client)
      const made = await client.invite({ role, uses, expiresMs })
      return call.json({ ...made, id: toBase64url(made.id) })
    })
    .get(ROUTES.invites[1], call => {
      userOnly(call)
      return call.json(listed(call).flatMap(mesh => invitesOf(daemon, mesh)))
    })
    .delete(ROUTES.revokeInvite[1], async call => {
      userOnly(call)
      const { client } = meant(call)
      await whenOnline(client)
      const named = call.req.param('id')
      const { id } = await lookAgain(
        () => inviteHere(client, named),
        () => client.refresh(),
      )
      await client.revokeInvite(id)
      return call.json({})
    })
}

/** By name, or a prefix (6 or more) of the key; who joined a moment ago is found too. Throws `not-found`, `ambiguous`. */
const memberNamed = (client: MeshClient, named: string): Promise<MemberView> =>
  lookAgain(
    () => memberHere(client, named),
    () => client.refresh(),
  )

function memberHere(client: MeshClient, named: string): MemberView {
  const members = client.members()
  const fits = members.filter(
    member => member.name === named || (named.length >= 6 && toBase64url(member.key).startsWith(named)),
  )
  return chooseOne(fits, members, ({ name, key }) => `${name} (${toBase64url(key).slice(0, 12)})`, {
    field: 'member',
    none: `Nobody is called ${named}.`,
    many: `Several are called ${named}: name one by the key.`,
  })
}

/** By a prefix (6 or more) of its id. Throws `not-found`, `ambiguous`. */
function inviteHere(client: MeshClient, named: string): InviteView {
  const invites = client.invites()
  const fits = invites.filter(invite => named.length >= 6 && toBase64url(invite.id).startsWith(named))
  return chooseOne(fits, invites, each => toBase64url(each.id).slice(0, 12), {
    field: 'id',
    none: `There is no invite ${named}.`,
    many: `Several invites begin with ${named}.`,
  })
}

function invitesOf(daemon: Daemon, open: OpenMesh) {
  const mesh = open.client.view().name
  const standing = standings(whoIn(open, daemon.sessions))
  return open.client.invites().map(({ id, role, expiresAt, uses, used, by, byName, state }) => ({
    id: toBase64url(id),
    mesh,
    role,
    expiresAt,
    uses,
    used,
    by: byName,
    byKey: standing(by),
    state,
  }))
}
