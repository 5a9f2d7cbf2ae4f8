/** Colours for people only: on a terminal, unless NO_COLOR is set (no-color.org) or the terminal is dumb. */
import type { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]
export type Paint = (style: Style, text: string) => string

/** A painter for the stream; where colours are not wanted it hands the text back as it is. */
export function painterFor(
  stream: { isTTY?: boolean | undefined },
  env: Record<string, string | undefined> = process.env,
): Paint {
  const wanted = stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
  if (!wanted) return (_, text) => text
  // Loaded only now: it takes 12 ms of CPU, and `launch` paints nothing.
  const { styleText } = process.getBuiltinModule('node:util')
  return (style, text) => styleText(style, text, { validateStream: false })
}
