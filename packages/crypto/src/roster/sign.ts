/** Makes signed roster entries; whether the rules allow one is decided by `applyEntry`. */
import {
  equalBytes,
  MeshError,
  type RosterEntry,
  type RosterEntryOf,
  type RosterKind,
} from '@claudemesh/protocol'
import { type Signer, sign } from '../signer.ts'
import { entryFields, type Unsigned } from './entry-bytes.ts'

function requireAuthor(author: Uint8Array, signer: Signer): void {
  if (!equalBytes(author, signer.publicKey)) {
    throw new MeshError('bad-field', 'an entry is signed by the author it names', { field: 'author' })
  }
}

/**
 * Signs an entry of any kind but `join` with its author's member key.
 * @throws MeshError `bad-field` when `author` is not the key that signs.
 */
export function signRosterEntry<K extends Exclude<RosterKind, 'join'>>(
  unsigned: Omit<RosterEntryOf<K>, 'signatures'> & { readonly kind: K },
  author: Signer,
): RosterEntryOf<K> {
  const entry = unsigned as unknown as Unsigned<RosterEntry>
  requireAuthor(entry.author, author)
  const signatures = [sign('roster', entryFields(entry), author.secretKey)]
  return { ...unsigned, signatures } as unknown as RosterEntryOf<K>
}

/**
 * Signs a `join` with the joining member key (domain `roster`), then with the invite key (domain `join`), over the same fields.
 * @throws MeshError `bad-field` when `author` is not the member key that signs.
 */
export function signJoin(
  unsigned: Omit<RosterEntryOf<'join'>, 'signatures'>,
  member: Signer,
  inviteKey: Signer,
): RosterEntryOf<'join'> {
  requireAuthor(unsigned.author, member)
  const fields = entryFields(unsigned)
  return {
    ...unsigned,
    signatures: [sign('roster', fields, member.secretKey), sign('join', fields, inviteKey.secretKey)],
  }
}
