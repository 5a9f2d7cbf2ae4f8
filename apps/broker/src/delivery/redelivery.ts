/** What stays unacked is sent again by itself: 30 s after it went out, then at doubled waits, oldest first, within the window. */
import type { Broker } from '../broker.ts'

/** One look at every attachment; also starts reads that failed before. */
export function sweepUnacked({ meshes, window, clock, settings }: Broker): void {
  const now = clock.now()
  for (const mesh of meshes.all())
    for (const attachment of [...mesh.attachments.values()]) {
      const { socket, inFlight } = attachment
      if (inFlight.count > 0 && now >= attachment.redeliverAt && !socket.congested && !attachment.reading) {
        attachment.redeliverStep = Math.min(attachment.redeliverStep * 2, settings.REDELIVER_MAX_MS)
        attachment.redeliverAt = now + attachment.redeliverStep
        window.rewind(attachment)
      } else if (!attachment.caughtUp) window.pump(socket)
    }
}
