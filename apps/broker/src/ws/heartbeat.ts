/** Both ends know the other lives: a ping for every socket, and the end of those that were silent too long. */
import type { Broker } from '../broker.ts'

export function beatSockets({ connections, clock, settings, metrics }: Broker): void {
  const silentSince = clock.now() - settings.SILENCE_MS
  for (const connection of connections) {
    if (connection.heardAt > silentSince) connection.ping()
    else {
      metrics.refused('idle')
      connection.close('idle')
    }
  }
}
