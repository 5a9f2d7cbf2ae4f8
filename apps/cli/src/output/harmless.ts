/** Text of a peer on a terminal: whatever it holds, it moves no cursor, changes no colour and reads in the order it is stored. */

/** C0 but line feed and tab, DEL, C1. */
const CONTROLS = /[^\P{Cc}\t\n]/gu
/** Direction marks, overrides and isolates (UAX #9), line and paragraph separators, interlinear and tag characters. */
const TURNING =
  /[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu

/** Most text is none but this, in which there is nothing to replace: one look instead of four. */
const PLAIN = /^[\x20-\x7e\n]*$/

/** Shows what it replaces: ESC as ␛, a right-to-left override as <U+202E>. */
export function harmless(text: string): string {
  if (PLAIN.test(text)) return text
  return text.toWellFormed().replace(/\r\n/g, '\n').replace(CONTROLS, picture).replace(TURNING, name)
}

/** The same on one line, for names, tables and summaries. */
export const harmlessLine = (text: string): string =>
  harmless(text)
    .replace(/\s*[\n\t]\s*/g, ' ')
    .trim()

/** A value as JSON on one line, read back as the same value: what a terminal would act on stands there as \u escapes (RFC 8259 section 7). */
export function harmlessJson(value: unknown): string {
  const text = JSON.stringify(value)
  return PLAIN.test(text) ? text : text.replace(CONTROLS, escaped).replace(TURNING, escaped)
}

/** Per code unit: what lies above U+FFFF is two escapes. */
const escaped = (character: string): string =>
  [...Array(character.length).keys()]
    .map(i => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
    .join('')

function picture(control: string): string {
  const code = control.codePointAt(0) as number
  if (code < 0x20) return String.fromCodePoint(0x2400 + code)
  return code === 0x7f ? '\u2421' : name(control)
}

const name = (character: string): string =>
  `<U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}>`
