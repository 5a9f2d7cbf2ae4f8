/** Colours for people only: on a terminal, unless NO_COLOR is set (no-color.org) or the terminal is dumb. */
import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]
export type Paint = (style: Style, text: string) => string

/** A painter for the stream; where colours are not wanted it hands the text back as it is. */
export function painterFor(
  stream: { isTTY?: boolean | undefined },
  env: Record<string, string | undefined> = process.env,
): Paint {
  const wanted = stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
  return wanted ? (style, text) => styleText(style, text, { validateStream: false }) : (_, text) => text
}
