/** Redis streams with their append-only file, where a redis-server is on PATH. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { cpuTime } from './cpu-time.ts'
import { PER_SECOND, type Rival, type RivalLoad, startLoad } from './rival.ts'
import { freePort } from './stack.ts'

/** Where redis-server lies; `null` where this machine has none. */
export const redisServer: string | null = Bun.which('redis-server')

/** A server of its own; `synced`: the file is on disk before a command is answered, else once a second. */
export async function redisStreams(synced: boolean, { pairs, ms, latencyMs }: RivalLoad): Promise<Rival> {
  const folder = mkdtempSync(join(tmpdir(), 'claudemesh-redis-'))
  const port = await freePort()
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'yes',
    appendfsync: synced ? 'always' : 'everysec',
  }
  const server = spawn(
    redisServer!,
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const ended = new Promise(resolve => server.once('close', resolve))
  await new Promise<void>((resolve, reject) => {
    createInterface(server.stdout).on('line', line => {
      if (line.includes('Ready to accept connections')) resolve()
    })
    server.once('close', code => reject(new Error(`redis-server ended with ${code}`)))
  })
  const load = await startLoad()
  await load.ask({ do: 'redis-join', url: `redis://127.0.0.1:${port}`, pairs })
  return {
    name: synced ? 'Redis streams, file synced' : 'Redis streams, file synced once a second',
    throughput: () => load.ask({ do: 'rival-throughput', ms }),
    latency: () => load.ask({ do: 'rival-latency', ms: latencyMs, perSecond: PER_SECOND }),
    cpu: () => cpuTime([server.pid!]),
    stop: async () => {
      await load.stop()
      server.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
