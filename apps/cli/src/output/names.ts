/** A name as a person reads it: never without saying whether anybody confirmed the key behind it. */
import { harmlessLine } from './harmless.ts'
import type { Paint } from './paint.ts'

interface Named {
  readonly verified: boolean
  readonly nameTaken: boolean
  readonly verifiedAs: string | null
  readonly self?: boolean
}

/** `alice ✓`, `alice (unverified)`, `alice (verified as bob)`, `alice (NOT the key you verified)`, or one's own. */
export function shownName(
  name: string,
  { verified, nameTaken, verifiedAs, self }: Named,
  paint: Paint,
): string {
  const shown = harmlessLine(name)
  if (self === true) return `${shown} (you)`
  if (nameTaken) return `${shown} ${paint('red', '(NOT the key you verified)')}`
  if (verifiedAs !== null) return `${shown} ${paint('yellow', `(verified as ${harmlessLine(verifiedAs)})`)}`
  return verified ? `${shown} ✓` : `${shown} ${paint('dim', '(unverified)')}`
}

/** The beginning of a member key as the last word of a command; one that looks like an option stands behind `--`. */
export function typedKey(member: string): string {
  const short = member.slice(0, 12)
  return short.startsWith('-') ? `-- ${short}` : short
}
