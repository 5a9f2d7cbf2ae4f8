/** What stays unacked is sent again by itself: 30 s after it went out, then at doubled waits, oldest first, within the window. */
import type { Broker } from '../broker.ts'
import type { Attachment } from './attachment.ts'

/** One look at every attachment with something unacked; also starts reads that failed before. */
export function sweepUnacked({ connections, window, clock, settings }: Broker): void {
  const now = clock.now()
  for (const socket of connections)
    for (const attachment of socket.attached.filter(isDue)) {
      const unacked = attachment.inFlight.count > 0
      if (unacked && now >= attachment.redeliverAt && !socket.congested && !attachment.reading) {
        attachment.redeliverStep = Math.min(attachment.redeliverStep * 2, settings.REDELIVER_MAX_MS)
        attachment.redeliverAt = now + attachment.redeliverStep
        window.rewind(attachment)
      } else if (!attachment.caughtUp) window.pump(socket)
    }
}

/** Most have nothing: a look at all of them leaves nothing behind for the collector. */
const isDue = ({ inFlight, caughtUp }: Attachment): boolean => inFlight.count > 0 || !caughtUp
