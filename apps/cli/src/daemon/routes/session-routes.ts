/** Sessions of this machine: opening, closing, listing, what they say of themselves. */
import { LIMITS, MeshError, toBase64url } from '@claudemesh/protocol'
import { Hono } from 'hono'
import { readGroup } from '../../api/groups.ts'
import { ROUTES } from '../../api/routes.ts'
import { setPresence } from '../../api/schema.ts'
import { closeSession, openSession, sessionOfProcess } from '../../api/session-schema.ts'
import { tokenFileOf } from '../by-hand.ts'
import { claudeIdOf } from '../claude-id.ts'
import type { Daemon } from '../daemon.ts'
import { asked, type Call, type Env, readBody, speakerOf, userOnly } from '../http.ts'
import type { Seated } from '../known-sessions.ts'
import { plainGroup, plainLine, plainName } from '../plain-words.ts'
import { statusLine } from '../status-line.ts'

export function sessionRoutes(daemon: Daemon): Hono<Env> {
  const { meshes, sessions } = daemon
  return new Hono<Env>()
    .post(ROUTES.openSession[1], async call => {
      userOnly(call)
      const body = await readBody(call, openSession)
      const mesh = meshes.find(body.mesh)
      const { row, signer, tokenFile } = await sessions.open(mesh, {
        uuid: body.uuid,
        name: body.name === undefined ? undefined : plainName(body.name, 'name'),
        profile: {
          ...(body.role === undefined ? {} : { role: plainLine(body.role, 'role', LIMITS.nameChars) }),
          ...(body.groups === undefined
            ? {}
            : { groups: [...new Set(body.groups.map((group, n) => plainGroup(group, `groups.${n}`)))] }),
          ...(body.summary === undefined
            ? {}
            : { summary: plainLine(body.summary, 'summary', LIMITS.summaryChars) }),
          ...(body.directory === undefined
            ? {}
            : { directory: plainLine(body.directory, 'directory', LIMITS.directoryChars) }),
        },
        kind: body.kind,
        deliver: body.deliver,
        pid: body.pid,
        until: body.until,
      })
      const session = toBase64url(signer.publicKey)
      return call.json({ uuid: body.uuid, session, mesh: mesh.client.view().name, name: row.name, tokenFile })
    })
    .get(ROUTES.sessions[1], call => {
      userOnly(call)
      const mesh = asked(call, 'mesh')
      const all = sessions.all(mesh === undefined ? undefined : meshes.find(mesh))
      return call.json(all.map(seat => ({ ...show(seat), processes: processesOf(daemon, seat) })))
    })
    .post(ROUTES.sessionOfProcess[1], async call => {
      userOnly(call)
      const { pid } = await readBody(call, sessionOfProcess)
      return call.json(tokenFileOf(daemon, pid))
    })
    .get(ROUTES.line[1], call => {
      const caller = call.get('caller')
      const seats = caller.kind === 'user' ? [] : sessions.byUuid(caller.uuid).filter(({ row }) => row.open)
      if (seats.length === 0)
        throw new MeshError('not-found', "A session's token is needed: no session is open by it.")
      return call.text(statusLine(daemon, seats))
    })
    .post(ROUTES.closeSession[1], async call => {
      userOnly(call)
      const named = call.req.param('uuid')
      const { pid, keepToken, dropToken } = await readBody(call, closeSession)
      if (dropToken !== undefined) {
        sessions.dropToken(dropToken)
        return call.json({})
      }
      if (keepToken !== undefined) sessions.keepToken(keepToken)
      const everywhere =
        pid === undefined
          ? sessions.byClaudeId(named)
          : sessions.all().filter(({ row }) => row.open && row.pid === pid)
      const meant = everywhere.length > 0 || pid !== undefined ? everywhere : [sessions.find(named, 'uuid')]
      for (const seat of meant) if (seat.row.open) sessions.close(seat)
      return call.json({})
    })
    .post(ROUTES.presence[1], async call => {
      const { as, status, summary, join = [], leave = [], deliver } = await readBody(call, setPresence)
      const seat = presentOne(daemon, call, as)
      const groups = changedGroups(seat.row.groups, join, leave)
      const line = plainLine(summary ?? seat.row.summary, 'summary', LIMITS.summaryChars)
      if (summary !== undefined || join.length + leave.length > 0)
        sessions.setWords(seat, { summary: line, groups })
      const now = () => sessions.byUuid(seat.row.uuid, seat.mesh)[0]!
      if (deliver !== undefined) sessions.setDeliver(now(), deliver)
      if (status !== undefined)
        sessions.setStatus(now(), { status, source: 'manual', at: daemon.now(), waitingFor: '' })
      const { row } = now()
      return call.json({ name: row.name, status: row.status, summary: line, groups, deliver: row.deliver })
    })
}

/** Throws `not-found` for a group to leave that the session is not in, `usage` for more than it may have. */
function changedGroups(
  groups: readonly string[],
  join: readonly string[],
  leave: readonly string[],
): string[] {
  const path = (group: string) => readGroup(group).path
  const left = leave.map((group, n) => path(plainGroup(group, `leave.${n}`)))
  const gone = left.find(each => !groups.some(group => path(group) === each))
  if (gone !== undefined)
    throw new MeshError('not-found', `The session is not in ${gone}.`, {
      field: 'leave',
      facts: { candidates: groups },
    })
  const added = new Map(
    join.map((group, n) => [path(group.replace(/^@/, '')), plainGroup(group, `join.${n}`)]),
  )
  const kept = groups.filter(group => !left.includes(path(group)) && !added.has(path(group)))
  const all = [...kept, ...added.values()]
  if (all.length > LIMITS.groups)
    throw new MeshError('usage', `A session is in at most ${LIMITS.groups} groups.`, { field: 'join' })
  return all
}

/** Whose presence is meant: the speaker's, or that of the only open session. */
function presentOne(daemon: Daemon, call: Call, as: string | undefined): Seated {
  const caller = call.get('caller')
  const open = daemon.sessions.all().filter(({ row }) => row.open)
  if (caller.kind === 'user' && as === undefined) {
    const [only] = open
    if (only && open.length === 1) return only
    throw new MeshError('usage', 'Presence is of a session: name one with --as.', {
      field: 'as',
      facts: { candidates: open.map(({ row }) => row.name) },
    })
  }
  const { speaker } = speakerOf(daemon, call, { as })
  if (!speaker?.row.open) throw new MeshError('not-found', 'This session is closed.', { field: 'as' })
  return speaker
}

const processesOf = ({ status }: Daemon, { row }: Seated): number[] =>
  row.open ? status.processesOf(row.uuid) : []

const show = ({ mesh, row, signer }: Seated) => ({
  mesh: mesh.client.view().name,
  uuid: claudeIdOf(row),
  session: toBase64url(signer.publicKey),
  name: row.name,
  kind: row.kind,
  open: row.open,
  attached: mesh.client.attached(row.uuid),
  status: row.status,
  statusSource: row.statusSource,
  statusAt: row.statusAt,
  deliver: row.deliver,
  unread: mesh.client.unread(row.uuid),
})
