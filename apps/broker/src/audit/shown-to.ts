/** Whose bodies a member sees: owners and admins all, everyone their own and what every member knows anyway. */
import { isLeafType, type Roster, readLeafFields } from '@claudemesh/crypto'
import type { AuditLeafRow } from '@claudemesh/db'
import { type AuditLeaf, equalBytes, toBase64url } from '@claudemesh/protocol'

/** The roster and the checkpoints are served to every member as they are. */
const COMMON: readonly string[] = ['roster', 'checkpoint']

/** How a leaf is shown to this member: its hash always. */
export function shownTo(roster: Roster, key: Uint8Array): (row: AuditLeafRow) => AuditLeaf {
  const role = roster.members.get(toBase64url(key))?.role
  const all = role === 'owner' || role === 'admin'
  return ({ hash, body }) => {
    const seen = body !== null && (all || COMMON.includes(body.type) || concerns(body, key))
    return { hash, body: seen ? body : null, pruned: body === null }
  }
}

function concerns({ type, fields }: NonNullable<AuditLeafRow['body']>, key: Uint8Array): boolean {
  if (!isLeafType(type)) return false
  return Object.values(readLeafFields(type, fields)).some(value => {
    if (value instanceof Uint8Array) return equalBytes(value, key)
    return typeof value === 'object' && value !== null && equalBytes(value.member, key)
  })
}
