/** How much of others this user's sessions take: read, and set. */
import { Hono } from 'hono'
import { setNoiseLimits } from '../../api/noise-schema.ts'
import { ROUTES } from '../../api/routes.ts'
import type { Daemon } from '../daemon.ts'
import { asked, type Call, type Env, readBody, userOnly } from '../http.ts'
import type { OpenMesh } from '../meshes.ts'

export function limitRoutes(daemon: Daemon): Hono<Env> {
  const meant = (call: Call): OpenMesh => {
    userOnly(call)
    return daemon.meshes.find(asked(call, 'mesh'))
  }
  return new Hono<Env>()
    .get(ROUTES.limits[1], call => call.json(shown(meant(call))))
    .put(ROUTES.setLimits[1], async call => {
      const mesh = meant(call)
      mesh.limits.set(await readBody(call, setNoiseLimits))
      return call.json(shown(mesh))
    })
}

const shown = ({ client, limits }: OpenMesh) => ({ mesh: client.view().name, limits: limits.now })
