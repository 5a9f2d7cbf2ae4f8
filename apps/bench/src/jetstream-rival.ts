/** NATS JetStream with file storage, where a nats-server is on PATH. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { NATS_SERVER } from '@claudemesh/testkit'
import { cpuTime } from './cpu-time.ts'
import { PER_SECOND, type Rival, type RivalLoad, startLoad } from './rival.ts'

const config = (folder: string, synced: boolean): string =>
  `listen: "127.0.0.1:-1"\njetstream { store_dir: ${JSON.stringify(folder)}${synced ? ', sync_interval: always' : ''} }\n`

/** Whether a nats-server is on PATH and takes these settings; `sync_interval` came with 2.10. */
export function jetStreamKnows(synced: boolean): boolean {
  if (NATS_SERVER === null) return false
  const folder = mkdtempSync(join(tmpdir(), 'claudemesh-nats-'))
  try {
    const file = join(folder, 'nats.conf')
    writeFileSync(file, config(folder, synced))
    return spawnSync(NATS_SERVER, ['-c', file, '-t'], { stdio: 'ignore' }).status === 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A server of its own; `synced`: every message is on disk before it is told as stored. */
export async function jetStream(synced: boolean, { pairs, ms, latencyMs }: RivalLoad): Promise<Rival> {
  const folder = mkdtempSync(join(tmpdir(), 'claudemesh-nats-'))
  const file = join(folder, 'nats.conf')
  writeFileSync(file, config(folder, synced))
  const server = spawn(NATS_SERVER!, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise(resolve => server.once('close', resolve))
  const url = await new Promise<string>((resolve, reject) => {
    let said = ''
    createInterface(server.stderr).on('line', line => {
      said += `${line}\n`
      const port = /Listening for client connections on \S+:(\d+)/.exec(line)?.[1]
      if (port !== undefined) resolve(`nats://127.0.0.1:${port}`)
    })
    server.once('close', code => reject(new Error(`nats-server ended with ${code}:\n${said}`)))
  })
  const load = await startLoad()
  await load.ask({ do: 'jetstream-join', url, pairs })
  return {
    name: synced ? 'JetStream, files synced' : 'JetStream, files not synced',
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
