/** Redis streams with their append-only file, where a redis-server is on PATH. */
import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Rival, type RivalLoad, serverRival } from './rival.ts'
import { freePort } from './stack.ts'

/** Where redis-server lies; `null` where this machine has none. */
export const redisServer: string | null = Bun.which('redis-server')

/** A server of its own; `synced`: the file is on disk before a command is answered, else once a second. */
export async function redisStreams(synced: boolean, load: RivalLoad): Promise<Rival> {
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
  await new Promise<void>((resolve, reject) => {
    createInterface(server.stdout).on('line', line => {
      if (line.includes('Ready to accept connections')) resolve()
    })
    server.once('close', code => reject(new Error(`redis-server ended with ${code}`)))
  })
  const name = synced ? 'Redis streams, file synced' : 'Redis streams, file synced once a second'
  return serverRival(
    { name, server, folder, join: { do: 'redis-join', url: `redis://127.0.0.1:${port}`, pairs: load.pairs } },
    load,
  )
}
