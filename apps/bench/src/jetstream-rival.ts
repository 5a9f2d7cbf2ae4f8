/** NATS JetStream with file storage, where a nats-server is on PATH. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { NATS_SERVER } from '@claudemesh/testkit'
import { type Rival, type RivalLoad, serverRival } from './rival.ts'

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
export async function jetStream(synced: boolean, load: RivalLoad): Promise<Rival> {
  const folder = mkdtempSync(join(tmpdir(), 'claudemesh-nats-'))
  const file = join(folder, 'nats.conf')
  writeFileSync(file, config(folder, synced))
  const server = spawn(NATS_SERVER!, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  const url = await new Promise<string>((resolve, reject) => {
    let said = ''
    createInterface(server.stderr).on('line', line => {
      said += `${line}\n`
      const port = /Listening for client connections on \S+:(\d+)/.exec(line)?.[1]
      if (port !== undefined) resolve(`nats://127.0.0.1:${port}`)
    })
    server.once('close', code => reject(new Error(`nats-server ended with ${code}:\n${said}`)))
  })
  const name = synced ? 'JetStream, files synced' : 'JetStream, files not synced'
  return serverRival({ name, server, folder, join: { do: 'jetstream-join', url, pairs: load.pairs } }, load)
}
