/** What is measured: a real Postgres from an empty folder and a real broker process on it, both gone afterwards. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '@claudemesh/db'

export interface Stack {
  readonly databaseUrl: string
  readonly port: number
  stop(): Promise<void>
}

const BROKER = new URL('../../broker/src/main.ts', import.meta.url).pathname
const READY_TRIES = 200

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

/** Starts both and waits until the broker says it is ready. Limits on rates are off; everything else is as shipped. */
export async function startStack(): Promise<Stack> {
  const folder = await mkdtemp(join(tmpdir(), 'claudemesh-bench-'))
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') })
  const port = await freePort()
  const broker = Bun.spawn([process.execPath, '--bun', BROKER], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: postgres.url,
      PORT: String(port),
      BROKER_KEY_FILE: join(folder, 'broker.key'),
      MESH_CREATE: 'open',
      LOG_LEVEL: 'warn',
      RATE_ENVELOPES: '0',
      RATE_FRAMES: '0',
      RATE_ADDRESS: '0',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  await untilReady(port, () => broker.exitCode)
  return {
    databaseUrl: postgres.url,
    port,
    async stop() {
      broker.kill('SIGTERM')
      await broker.exited
      await postgres.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
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
