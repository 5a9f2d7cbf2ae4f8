/** Waits while a connection is being made, so that what was asked for right after a start does not fail for being early. */
import type { MeshClient } from '@claudemesh/client'

const PATIENCE_MS = 5000
/** A directory of ten thousand sessions takes so long to verify. */
const FIRST_LOOK_MS = 30_000

/** Resolves when the client is online, when it says that it will not be for now, or after 5 s. Never throws. */
export const whenOnline = (client: MeshClient): Promise<void> => whileConnecting(client)

/**
 * As `whenOnline`, but sooner in a crowd: roster and log of the broker were followed from ours, and a directory of several pages is on
 * its way, which `whenPeersKnown` waits for.
 */
export const whenFollowed = (client: MeshClient): Promise<void> =>
  whileConnecting(client, { isCrowdEnough: true })

/** Resolves when everybody who is there was looked at once, since the join; as `whenOnline` where that cannot be for now, or after 30 s. */
export const whenPeersKnown = async (client: MeshClient): Promise<void> => {
  if (!client.knowsPeers) await whileConnecting(client, { patienceMs: FIRST_LOOK_MS })
}

function whileConnecting(
  client: MeshClient,
  { patienceMs = PATIENCE_MS, isCrowdEnough = false } = {},
): Promise<void> {
  return new Promise(resolve => {
    const look = () => {
      if (client.state !== 'connecting') end()
    }
    const stops = [
      client.on('state', look),
      client.on('directory', ({ isLast }) => {
        if (isCrowdEnough && !isLast) end()
      }),
    ]
    const timer = setTimeout(() => end(), patienceMs)
    const end = () => {
      clearTimeout(timer)
      for (const stop of stops) stop()
      resolve()
    }
    look()
  })
}
