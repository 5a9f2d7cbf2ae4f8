/**
 * Makes text of a peer harmless before it reaches the model or a terminal: whatever it holds, it stays visible plain text.
 * Claude Code 2.1.329 hands control characters, escape sequences, direction overrides and `<system-reminder>` on as they are.
 */

const ESC = '\u001b'
const BEL = '\u0007'
/** Their one-byte forms of ESC [ , ESC \ and of the openings of OSC, DCS, SOS, PM and APC. */
const [CSI, ST, OPENINGS] = ['\u009b', '\u009c', '\u009d\u0090\u0098\u009e\u009f']

/** Whole escape sequences (ECMA-48): CSI; strings up to their end, if it comes on the same line; the two-byte ones. */
const ESCAPES = new RegExp(
  [
    `(?:${ESC}\\[|${CSI})[0-?]*[ -/]*[@-~]`,
    `(?:${ESC}[\\]PX^_]|[${OPENINGS}])[^${BEL}${ESC}${ST}\\n]*(?:${BEL}|${ESC}\\\\|${ST})`,
    `${ESC}[ -/]*[0-~]`,
  ].join('|'),
  'g',
)

/** What one sees as the end of a line, whatever it is made of. */
const LINE_ENDS = /\r\n|[\r\n\v\f\u0085\u2028\u2029]/g

/** C0 but tab and line feed, DEL, C1. */
const CONTROLS = /[^\P{Cc}\t\n]/gu

/**
 * Characters that take no room or turn the reading direction: joiners, marks, overrides, isolates, fillers, variation selectors,
 * tag characters (which can carry a hidden text). Kept where they only shape an emoji: a selector behind, a joiner between pictographs.
 */
const INVISIBLE =
  /((?<=\p{Extended_Pictographic}\p{Emoji_Modifier}?\ufe0f?)(?:\ufe0f(?!\ufe0f)|\u200d(?=\p{Extended_Pictographic})))|[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu

/** Openings of tags that mean something to the client or the model, in any writing of the bracket. */
const TAG =
  /[<\u2039\ufe64\uff1c\u3008\u27e8\u276c](?=\s*\/?\s*(?:antml|system|user|assistant|human|tool|function|invoke|parameter|result|command|local-command|bash|cross-session|teammate|task|hook|session|channel|claudemesh|persisted|new-diagnostics|ide|event|thinking|mcp)[\w:-]*)/giu

/** Text of any length, safe to stand in the model's context; line feeds and tabs stay. Applying it again changes nothing. */
export function neutralise(text: string): string {
  return text
    .toWellFormed()
    .replace(ESCAPES, '')
    .replace(LINE_ENDS, '\n')
    .replace(CONTROLS, '')
    .replace(INVISIBLE, (_, kept: string | undefined) => kept ?? '')
    .replace(TAG, '\u2039')
}

/** A name as one short line without quotes, so that it cannot end the words that frame it. */
export function neutraliseName(name: string): string {
  const line = neutralise(name)
    .replace(/\s+/g, ' ')
    .replace(/["“”„‟'`]/g, '’')
    .trim()
  return line.length > 130 ? `${line.slice(0, 129).toWellFormed()}…` : line
}
