/** A real Postgres from the binaries of the npm package, durable from the first run, one per data folder. */
import { MeshError } from '@claudemesh/protocol'

export interface EmbeddedPostgres {
  readonly url: string
  readonly pid: number
  /** Fast shutdown; resolves when the server is gone. */
  stop(): Promise<void>
  kill(signal: NodeJS.Signals): void
}

export async function startEmbeddedPostgres(_opts: {
  dataDir: string
  port?: number
  log?: (line: string) => void
}): Promise<EmbeddedPostgres> {
  throw new MeshError('unsupported', 'being built')
}
