/** A real Postgres from the binaries of the npm package, durable from the first run, never two on one data folder. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { MeshError } from '@claudemesh/protocol'
import { type Binaries, findBinaries, type RunAs, whoRuns } from './binaries.ts'
import { clusterPath, openDataFolder, SUPERUSER, spawnAs } from './data-folder.ts'
import { clearPostmaster, gone, noteOwner } from './postmaster.ts'
import { serverSettings } from './settings.ts'

export interface EmbeddedPostgres {
  readonly url: string
  readonly pid: number
  /** Fast shutdown; resolves when the server is gone. */
  stop(): Promise<void>
  /** For tests that end it hard. */
  kill(signal: NodeJS.Signals): void
}

/** Backends outlive a killed postmaster for a moment and hold its memory; a free port can be taken before it is used. */
const START_TRIES = 40
const RETRY_MS = 100
const STOP_MS = 20_000
const READY = 'database system is ready to accept connections'
const READS = 'database system is ready to accept read-only connections'

/**
 * Starts the server on `dataDir` (made where missing) at 127.0.0.1 and waits until it answers; a standby (`standby.signal`) answers
 * reads. `port`: default any free one. `settings`: of postgresql.conf, before those of `serverSettings`.
 * Throws MeshError: `already-running`, `conflict` (port taken, other version), `forbidden`, `unsupported`, `internal` (broken folder).
 */
export async function startEmbeddedPostgres(opts: {
  dataDir: string
  port?: number
  settings?: Readonly<Record<string, string>>
  log?: (line: string) => void
}): Promise<EmbeddedPostgres> {
  const runAs = whoRuns()
  const binaries = findBinaries(runAs)
  const folder = await openDataFolder(opts.dataDir, binaries, runAs)
  const cluster = realpathSync(folder.cluster)
  await clearPostmaster(opts.dataDir, cluster)
  if (opts.port !== undefined && !(await portIsFree(opts.port))) {
    throw new MeshError('conflict', `port ${opts.port} is taken`, { field: 'port' })
  }
  noteOwner(opts.dataDir)
  for (let tries = 1; ; tries++) {
    const port = opts.port ?? (await freePort())
    const started = await launch({
      binaries,
      cluster,
      runAs,
      settings: { ...serverSettings(port), ...opts.settings },
      log: opts.log ?? (() => {}),
    })
    if (started.child)
      return handle(started.child, `postgres://${SUPERUSER}:${folder.password}@127.0.0.1:${port}/postgres`)
    const passing =
      /pre-existing shared memory|lock file .* already exists/.test(started.said) ||
      (opts.port === undefined && /Address already in use/.test(started.said))
    if (!passing || tries === START_TRIES) throw startError(started.said, port)
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
  }
}

interface Launch {
  readonly binaries: Binaries
  readonly cluster: string
  readonly runAs: RunAs | null
  readonly settings: Readonly<Record<string, string>>
  readonly log: (line: string) => void
}

/** The child once it accepts connections, or what it said before it gave up. */
async function launch(p: Launch): Promise<{ child: ChildProcess; said: '' } | { child: null; said: string }> {
  const settings = Object.entries(p.settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const isReady = existsSync(join(p.cluster, 'standby.signal')) ? READS : READY
  const child = spawn(p.binaries.postgres, ['-D', clusterPath(p.cluster, p.runAs), ...settings], {
    ...spawnAs(p.cluster, p.runAs),
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own: Ctrl-C in the terminal reaches the broker, which stops its server when it has flushed.
    detached: true,
  })
  const said: string[] = []
  const lines = createInterface({ input: child.stderr! })
  const ready = new Promise<boolean>((resolve, reject) => {
    lines.on('line', line => {
      p.log(line)
      if (said.length < 50) said.push(line)
      if (line.includes(isReady)) resolve(true)
    })
    child.on('error', cause =>
      reject(new MeshError('forbidden', 'the Postgres binary cannot be run', { cause })),
    )
    child.on('close', () => resolve(false))
  })
  return (await ready) ? { child, said: '' } : { child: null, said: said.join('\n') }
}

function handle(child: ChildProcess, url: string): EmbeddedPostgres {
  const pid = child.pid!
  const running = () => child.exitCode === null && child.signalCode === null
  return {
    url,
    pid,
    kill: signal => {
      if (running()) child.kill(signal)
    },
    async stop() {
      if (!running()) return
      const exit = once(child, 'exit')
      child.kill('SIGINT')
      await Promise.race([exit, gone(pid, STOP_MS)])
    },
  }
}

function startError(said: string, port: number): MeshError {
  const cause = new Error(said)
  if (/Address already in use/.test(said))
    return new MeshError('conflict', `port ${port} is taken`, { field: 'port', cause })
  if (/lock file .* already exists|pre-existing shared memory/.test(said))
    return new MeshError('already-running', 'another Postgres holds this data folder', { cause })
  if (/[Pp]ermission denied/.test(said))
    return new MeshError('forbidden', 'Postgres may not read or write its data folder', { cause })
  if (/No space left/.test(said))
    return new MeshError('internal', 'no space is left for the data folder', { cause })
  return new MeshError('internal', `Postgres cannot start on its data folder: ${firstFault(said)}`, { cause })
}

const firstFault = (said: string) =>
  said
    .split('\n')
    .find(line => /^(FATAL|PANIC|ERROR):/.test(line))
    ?.replace(/^\w+:\s+/, '')
    .replaceAll(/"[^"]*"/g, 'a file')
    .slice(0, 200) ?? 'it said nothing'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

function portIsFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise(resolve => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
