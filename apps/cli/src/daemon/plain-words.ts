/** Names and words that this machine publishes: NFC, bounded, visible; what a peer could mistake for something else is refused here. */
import { LIMITS, MeshError } from '@claudemesh/protocol'

/** Controls, line ends, direction overrides and what takes no room. */
const HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cf}\p{Default_Ignorable_Code_Point}]/u

/** A name that an address can carry: no `/`, no `@` in front, no comma. Throws `usage` with `field`. */
export function plainName(text: string, field: string): string {
  const name = visible(text, field).replace(/\s+/g, ' ').trim()
  if (name === '') throw refuse(field, 'is empty')
  if (name.length > LIMITS.nameChars) throw refuse(field, `is longer than ${LIMITS.nameChars} characters`)
  if (/[/,]/.test(name) || name.startsWith('@'))
    throw refuse(field, 'holds a "/" or a comma, or begins with "@": addresses are made with these')
  return name
}

/** `@backend` or `backend`; bounded like a name. */
export const plainGroup = (text: string, field: string): string => {
  const name = plainName(text.replace(/^@/, ''), field)
  if (name === 'all') throw refuse(field, 'is "all", which everybody is in')
  return name
}

/** One line of at most `most` characters; may be empty. */
export function plainLine(text: string, field: string, most: number): string {
  const line = visible(text.replace(/[\r\n\t]+/g, ' '), field).trim()
  if (line.length > most) throw refuse(field, `is longer than ${most} characters`)
  return line
}

function visible(text: string, field: string): string {
  const normal = text.toWellFormed().normalize('NFC')
  if (HIDDEN.test(normal)) throw refuse(field, 'holds characters that cannot be seen')
  return normal
}

const refuse = (field: string, why: string) => new MeshError('usage', `${field} ${why}`, { field })
