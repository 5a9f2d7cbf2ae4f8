/** The daemon itself: how it stands, what ails it, its end. */
import { Hono } from 'hono'
import { ROUTES } from '../../api/routes.ts'
import { type StatusReply, setPause } from '../../api/schema.ts'
import type { Daemon } from '../daemon.ts'
import { diagnose } from '../doctor.ts'
import { type Env, readBody, userOnly } from '../http.ts'
import { runningTwice } from '../two-processes.ts'
import { takenNames } from '../verification.ts'
import { bearersIn } from '../who.ts'
import { meshInfoOf } from './mesh-routes.ts'

export function daemonRoutes(daemon: Daemon): Hono<Env> {
  return new Hono<Env>()
    .get(ROUTES.status[1], call => call.json(statusOf(daemon)))
    .get(ROUTES.doctor[1], async call => {
      userOnly(call)
      return call.json(await diagnose(daemon))
    })
    .post(ROUTES.pause[1], async call => {
      userOnly(call)
      const { paused } = await readBody(call, setPause)
      if (paused !== (daemon.pause.since !== null)) daemon.setPause(paused)
      if (!paused) daemon.noise.release()
      return call.json({ pausedSince: daemon.pause.since })
    })
    .post(ROUTES.shutdown[1], call => {
      userOnly(call)
      daemon.shutDown()
      return call.json({})
    })
}

function statusOf(daemon: Daemon): StatusReply {
  const { paths, version, startedAt, meshes, sessions, pause } = daemon
  const open = sessions.all().filter(({ row }) => row.open)
  const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)
  const mailboxes = sessions.all().map(({ mesh, row }) => mesh.client.unread(row.uuid))
  const persons = meshes.all.map(({ client }) => client.unread(null))
  return {
    pid: process.pid,
    version,
    startedAt,
    home: paths.home,
    meshes: meshes.all.map(meshInfoOf),
    sessions: open.length,
    outbox: sum(meshes.all.map(({ client }) => client.outboxCount())),
    unread: sum([...mailboxes, ...persons]),
    pausedSince: pause.since,
    quiet: open
      .filter(({ row }) => row.kind === 'claude' && row.deliver !== 'push')
      .map(({ mesh, row }) => ({ name: row.name, mesh: mesh.client.view().name, deliver: row.deliver })),
    problems: [
      ...meshes.problems,
      ...sessions.problems,
      ...meshes.all.flatMap(({ client }) => {
        const { name, problems } = client.view()
        return problems.map(problem => ({ ...problem, mesh: name }))
      }),
      ...meshes.all.flatMap(mesh =>
        mesh.loops.all().map(loop => ({
          code: 'loop',
          message: loopWords(sessions.byUuid(loop.uuid, mesh)[0]?.row.name ?? loop.uuid, loop.with),
          mesh: mesh.client.view().name,
        })),
      ),
      ...meshes.all.flatMap(mesh =>
        runningTwice(daemon, mesh).map(message => ({
          code: 'conflict',
          message,
          mesh: mesh.client.view().name,
        })),
      ),
      ...meshes.all.flatMap(mesh =>
        takenNames(bearersIn(mesh)).map(message => ({
          code: 'integrity',
          message,
          mesh: mesh.client.view().name,
        })),
      ),
    ],
  }
}

const loopWords = (name: string, peer: string): string =>
  `${name} and ${peer} say ever the same to each other: that is held until you speak in ${name}, or type claudemesh resume`
