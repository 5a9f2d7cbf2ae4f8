/** A real Postgres for tests: by testcontainers where a Docker engine answers, else the embedded one; one for all files of a run. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '@claudemesh/db'
import { onServer } from './on-server.ts'
import { postgresUrlOfRun } from './postgres-of-run.ts'

export interface TestPostgres {
  /** Of its maintenance database; the role may create others. */
  readonly url: string
  /** It outlives the file: other files use it too. */
  readonly ofRun?: true
  stop(): Promise<void>
}

/** The engine is asked once; who does not answer by then is not there. */
const DOCKER_ANSWER_MS = 500
const IMAGE = 'postgres:18-alpine'

/** Starts a server of its own for the caller, in a scratch folder that goes with it. */
export async function startTestPostgres(): Promise<TestPostgres> {
  return (await dockerAnswers()) ? await inContainer() : await embedded()
}

/** The run's own server; `undefined` where no run has one. */
const postgresOfRun = (): Promise<TestPostgres> | undefined =>
  postgresUrlOfRun()?.then(url => ({ url, ofRun: true, stop: async () => {} }))

let shared: Promise<TestPostgres> | undefined
const made: string[] = []

/**
 * A database on the server that all share; `drop` it when the test is over. Empty, or a copy of the one at
 * `copyOf` (a URL given by this function), to which nobody may be connected.
 */
export async function freshDatabase(copyOf?: string): Promise<{ url: string; drop(): Promise<void> }> {
  shared ??= postgresOfRun() ?? startTestPostgres()
  const server = await shared
  const name = `test_${crypto.randomUUID().replaceAll('-', '')}`
  made.push(name)
  const template = copyOf === undefined ? '' : ` template ${new URL(copyOf).pathname.slice(1)}`
  await onServer(server.url, sql => sql.unsafe(`create database ${name}${template}`))
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return {
    url: url.href,
    drop: () => onServer(server.url, sql => sql.unsafe(`drop database if exists ${name} with (force)`)),
  }
}

/** Drops what this file has made, and stops the server where it is of this file alone. For `afterAll`. */
export async function stopSharedPostgres(): Promise<void> {
  const server = await shared
  shared = undefined
  if (!server) return
  if (server.ofRun)
    for (const name of made.splice(0))
      await onServer(server.url, sql => sql.unsafe(`drop database if exists ${name} with (force)`))
  await server.stop()
}

async function embedded(): Promise<TestPostgres> {
  const home = mkdtempSync(join(tmpdir(), 'claudemesh-pg-'))
  const server = await startEmbeddedPostgres({ dataDir: join(home, 'postgres') })
  // A test run that is ended hard leaves no server and no folder behind.
  const last = () => {
    server.kill('SIGKILL')
    rmSync(home, { recursive: true, force: true })
  }
  process.once('exit', last)
  return {
    url: server.url,
    async stop() {
      process.off('exit', last)
      await server.stop()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

async function inContainer(): Promise<TestPostgres> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const password = crypto.randomUUID()
  const container = await new GenericContainer(IMAGE)
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .withExposedPorts(5432)
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/, 2))
    .start()
  return {
    url: `postgres://postgres:${password}@${container.getHost()}:${container.getMappedPort(5432)}/postgres`,
    stop: async () => {
      await container.stop()
    },
  }
}

/** Asks the engine's /_ping over its socket, or DOCKER_HOST through the client. */
function dockerAnswers(): Promise<boolean> {
  const host = process.env.DOCKER_HOST
  if (host && !host.startsWith('unix://')) {
    try {
      execFileSync('docker', ['version', '--format', '{{.Server.Version}}'], {
        stdio: 'ignore',
        timeout: DOCKER_ANSWER_MS,
      })
      return Promise.resolve(true)
    } catch {
      return Promise.resolve(false)
    }
  }
  const socketPath = host?.slice('unix://'.length) ?? '/var/run/docker.sock'
  return new Promise(resolve => {
    const ping = request({ socketPath, path: '/_ping', timeout: DOCKER_ANSWER_MS }, response => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    ping.on('error', () => resolve(false))
    ping.on('timeout', () => ping.destroy(new Error('no answer')))
    ping.end()
  })
}
