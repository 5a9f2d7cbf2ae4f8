/** What is under way, on one line of a terminal that the next one takes over; nothing anywhere else. */
import { painterFor } from './paint.ts'

export interface Progress {
  /** Replaces the line. */
  line(text: string): void
  /** Takes it away. */
  end(): void
}

/** Keys stay the terminal's: Ctrl-C is a signal here, as everywhere. */
export function progressOn(stream: NodeJS.WriteStream, wanted: boolean): Progress {
  if (!wanted || !stream.isTTY || process.env.TERM === 'dumb') return { line: () => {}, end: () => {} }
  const paint = painterFor(stream)
  let shown = false
  const clear = () => {
    if (shown) stream.write('\r\u001b[K')
    shown = false
  }
  return {
    line: text => {
      clear()
      stream.write(paint('dim', `… ${text}`))
      shown = true
    },
    end: clear,
  }
}
