/** Starts the daemon in the background and answers when it is ready, also when somebody else starts it at the same moment. */
import { join } from 'node:path'
import { MeshError } from '@claudemesh/protocol/errors'
import { callDaemon } from '../api/client.ts'
import { daemonEnv } from './daemon-env.ts'
import { release, spawnSelf } from './spawn-self.ts'

const OTHERS_MS = 10_000
const LOOK_MS = 50

/** Resolves when a daemon of `home` answers. Throws why none can. */
export async function startDaemon(home: string): Promise<void> {
  const daemon = spawnSelf(['daemon', 'run'], {
    log: join(home, 'logs', 'daemon.out'),
    tied: false,
    env: daemonEnv(home),
    cwd: '/',
  })
  try {
    await daemon.ready
  } catch (error) {
    if (!(error instanceof MeshError) || error.code !== 'already-running') throw error
    await answering(home)
  } finally {
    release(daemon)
  }
}

async function answering(home: string): Promise<void> {
  for (const end = Date.now() + OTHERS_MS; ; ) {
    try {
      await callDaemon('status', { home })
      return
    } catch (error) {
      if (Date.now() > end) throw error
      await Bun.sleep(LOOK_MS)
    }
  }
}
