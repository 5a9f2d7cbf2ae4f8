/** What is measured: a real Postgres from an empty folder and a real broker process on it, both gone afterwards. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '@claudemesh/db'
import { cpuTime, residentBytes } from './cpu-time.ts'

export interface Stack {
  /** Of the stack's own, gone with it. */
  readonly folder: string
  readonly databaseUrl: string
  readonly port: number
  /** CPU time of broker and Postgres so far, ms. */
  cpu(): { broker: number; postgres: number }
  /** What the broker has resident, bytes; 0 where there is no /proc. */
  memory(): number
  /** Ends the broker and starts it again on its port and database. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const BROKER = new URL('../../broker/src/main.ts', import.meta.url).pathname
const READY_TRIES = 200

/** A port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

/** Starts both and waits until the broker says it is ready. Limits on rates are off unless `limits`; everything else is as shipped. */
export async function startStack({ limits = false } = {}): Promise<Stack> {
  const folder = await mkdtemp(join(tmpdir(), 'claudemesh-bench-'))
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end()
  }
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') })
    stops.push(() => postgres.stop())
    const port = await freePort()
    let broker: Bun.Subprocess
    const start = () => {
      broker = startBroker(postgres.url, port, join(folder, 'broker.key'), limits)
      return untilReady(port, () => broker.exitCode)
    }
    const end = () => {
      broker.kill('SIGTERM')
      return broker.exited
    }
    const restart = async () => {
      await end()
      await start()
    }
    stops.push(() => end())
    await start()
    const cpu = () => ({ broker: cpuTime([broker.pid]), postgres: cpuTime([postgres.pid]) })
    const memory = () => residentBytes(broker.pid)
    return { folder, databaseUrl: postgres.url, port, cpu, memory, restart, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function startBroker(databaseUrl: string, port: number, keyFile: string, limits: boolean): Bun.Subprocess {
  return Bun.spawn([process.execPath, '--bun', BROKER], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: databaseUrl,
      BROKER_PORT: String(port),
      BROKER_KEY_FILE: keyFile,
      MESH_CREATE: 'open',
      LOG_LEVEL: 'warn',
      ...(!limits && { RATE_ENVELOPES: '0', RATE_FRAMES: '0', RATE_ADDRESS: '0' }),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

async function untilReady(port: number, exitCode: () => number | null): Promise<void> {
  for (let tries = 0; tries < READY_TRIES; tries++) {
    if (exitCode() !== null) throw new Error(`the broker ended with ${exitCode()}`)
    const answer = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => null)
    if (answer?.ok) return
    await Bun.sleep(50)
  }
  throw new Error('the broker is not ready after 10 s')
}
