/** Names and words that this machine publishes: NFC, bounded, visible; what a peer could mistake for something else is refused here. */
import { LIMITS, MeshError } from '@claudemesh/protocol'
import { readGroup } from '../api/groups.ts'

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

/** `backend`, `@backend`, `core/backend`, each with `:role` behind it if there is one; bounded as a whole like a name. */
export function plainGroup(text: string, field: string): string {
  const written = visible(text.replace(/^@/, ''), field).replace(/\s+/g, ' ').trim()
  if (written.length > LIMITS.groupChars)
    throw refuse(field, `is longer than ${LIMITS.groupChars} characters`)
  const { path, role } = readGroup(written)
  const names = [...path.split('/'), ...(role === undefined ? [] : [role])]
  for (const name of names) plainName(name, field)
  if (names[0] === 'all') throw refuse(field, 'is "all", which everybody is in')
  return written
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
