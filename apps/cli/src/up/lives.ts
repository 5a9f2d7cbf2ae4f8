/** What `up` starts: Postgres with the broker on it, and the daemon. Each dies with us, by whatever death. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '@claudemesh/db'
import { MeshError } from '@claudemesh/protocol/errors'
import { processIdentity } from '../daemon/process-identity.ts'
import { daemonEnv } from './daemon-env.ts'
import type { DataPaths } from './data-folder.ts'
import type { Life } from './part.ts'
import { endProcess, gone, type ProcessName } from './process-end.ts'
import { type SpawnedSelf, spawnSelf } from './spawn-self.ts'

/** The broker drains for at most 10 s, the daemon for less. */
const STOP_MS = 12_000
const FOR_EVER_MS = Number.MAX_SAFE_INTEGER

export interface BrokerPlan {
  readonly home: string
  readonly data: DataPaths
  readonly port: number
  /** Name or address other machines dial; `null`: this machine alone. */
  readonly host: string | null
  /** `null`: the embedded Postgres. */
  readonly databaseUrl: string | null
  /** Founds meshes; `null`: only loopback addresses do. */
  readonly foundersToken: string | null
}

/** A broker on its database; the end of one is the end of both, so that they start again together. */
export async function startEngine(plan: BrokerPlan, started: (broker: ProcessName) => void): Promise<Life> {
  const postgres = plan.databaseUrl === null ? await startPostgres(plan) : undefined
  try {
    const broker = spawnSelf(['broker', '--tied'], {
      log: join(plan.home, 'logs', 'broker.log'),
      tied: true,
      cwd: plan.data.folder,
      env: brokerEnvironment(plan, plan.databaseUrl ?? postgres?.url ?? '', postgres?.name),
    })
    await readyOrEnd(broker)
    started(nameOf(broker.pid))
    const life = lifeOf(broker)
    return {
      ended: Promise.race([life.ended, ...(postgres === undefined ? [] : [postgres.ended])]).then(
        async how => {
          await life.stop()
          await postgres?.stop()
          return how
        },
      ),
      stop: async () => {
        await life.stop()
        await postgres?.stop()
      },
      kill: () => {
        life.kill()
        postgres?.kill()
      },
    }
  } catch (error) {
    await postgres?.stop()
    throw error
  }
}

async function startPostgres(plan: BrokerPlan) {
  const log = join(plan.home, 'logs', 'postgres.log')
  const server = await startEmbeddedPostgres({
    dataDir: plan.data.postgres,
    log: line => appendFileSync(log, `${line}\n`, { mode: 0o600 }),
  })
  const name = nameOf(server.pid)
  return {
    url: server.url,
    name,
    ended: gone(name, { ms: FOR_EVER_MS, lookMs: 250 }).then(() => 'Postgres is gone'),
    stop: () => server.stop(),
    // Immediate shutdown; the next start recovers from the log.
    kill: () => server.kill('SIGQUIT'),
  }
}

/** The user's environment may tune the broker; where it listens and what it stands on is ours to say. */
function brokerEnvironment(plan: BrokerPlan, url: string, postgres: ProcessName | undefined) {
  const local = [`127.0.0.1:${plan.port}`, `localhost:${plan.port}`]
  const hosts = plan.host === null ? local : [`${plan.host}:${plan.port}`, ...local]
  return {
    DATABASE_URL: url,
    BROKER_KEY_FILE: plan.data.brokerKey,
    BROKER_KEY: undefined,
    BROKER_PORT: String(plan.port),
    HOST: plan.host === null ? '127.0.0.1' : '0.0.0.0',
    PUBLIC_HOSTS: hosts.join(','),
    NODE_NAME: undefined,
    MESH_CREATE: plan.foundersToken === null ? 'local' : 'token',
    MESH_CREATE_TOKEN: plan.foundersToken ?? undefined,
    LOG_LEVEL: 'info',
    CLAUDEMESH_HOME: plan.home,
    CLAUDEMESH_POSTGRES: postgres === undefined ? undefined : JSON.stringify(postgres),
  }
}

/** The daemon of `home`, ours from start to end. Throws `already-running` where one runs that is not ours. */
export async function startTiedDaemon(home: string, started: (daemon: ProcessName) => void): Promise<Life> {
  const daemon = spawnSelf(['daemon', 'run', '--tied'], {
    log: join(home, 'logs', 'daemon.out'),
    tied: true,
    cwd: '/',
    env: daemonEnv(home),
  })
  await readyOrEnd(daemon)
  started(nameOf(daemon.pid))
  return lifeOf(daemon)
}

async function readyOrEnd(process_: SpawnedSelf): Promise<unknown> {
  try {
    return await process_.ready
  } catch (error) {
    process_.child.kill('SIGKILL')
    await process_.exited
    throw error
  }
}

function lifeOf(process_: SpawnedSelf): Life {
  const name = nameOf(process_.pid)
  return {
    ended: process_.exited.then(how => (typeof how === 'number' ? `exit ${how}` : how)),
    stop: async () => {
      await endProcess(name, { signal: 'SIGTERM', ms: STOP_MS })
      await process_.exited
    },
    kill: () => {
      process_.child.kill('SIGKILL')
    },
  }
}

function nameOf(pid: number): ProcessName {
  const identity = processIdentity(pid)
  if (identity === undefined) throw new MeshError('internal', `Process ${pid} ended just as it was ready.`)
  return { pid, identity }
}
