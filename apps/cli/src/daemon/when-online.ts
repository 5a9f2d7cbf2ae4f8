/** Waits while a connection is being made, so that what was asked for right after a start does not fail for being early. */
import type { MeshClient } from '@claudemesh/client'

const PATIENCE_MS = 5000

/** Resolves when the client is online, when it says that it will not be for now, or after 5 s. Never throws. */
export function whenOnline(client: MeshClient): Promise<void> {
  return new Promise(resolve => {
    const look = () => {
      if (client.state !== 'connecting') end()
    }
    const stop = client.on('state', look)
    const timer = setTimeout(() => end(), PATIENCE_MS)
    const end = () => {
      clearTimeout(timer)
      stop()
      resolve()
    }
    look()
  })
}
