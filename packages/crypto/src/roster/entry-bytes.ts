/** The bytes of a roster entry: what its signatures cover, and its hash over all of it. */
import type { RosterEntry } from '@claudemesh/protocol'
import { encodeFields, type Field, hash } from '../signed-bytes.ts'

/** A roster entry of any kind before it is signed. */
export type Unsigned<E> = E extends RosterEntry ? Omit<E, 'signatures'> : never

/** The fields of a body in their fixed order; a bundle is two fields, an absent epoch or log as many absent ones. */
function bodyFields(entry: Unsigned<RosterEntry>): Field[] {
  switch (entry.kind) {
    case 'genesis': {
      const { random, bundle, meshName, name, commitment } = entry.body
      return [random, bundle.x25519, bundle.xwing, meshName, name, commitment]
    }
    case 'broker': {
      const { hosts, key, log } = entry.body
      return [hosts.map(host => [host]), key, log?.old ?? null, log?.now ?? null]
    }
    case 'invite': {
      const { code, key, bundle, role, uses, expiresAt, copy } = entry.body
      return [code, key, bundle.x25519, bundle.xwing, role, uses, expiresAt, copy]
    }
    case 'invite-revoke':
      return [entry.body.invite]
    case 'join':
      return [entry.body.invite, entry.body.bundle.x25519, entry.body.bundle.xwing, entry.body.name]
    case 'rename':
    case 'mesh-rename':
      return [entry.body.name]
    case 'pause':
      return [entry.body.delivery]
    case 'role':
      return [entry.body.member, entry.body.role]
    case 'rekey': {
      const { number, commitment, root, previous } = entry.body.epoch
      return [number, commitment, root, previous]
    }
    case 'remove': {
      const { member, epoch } = entry.body
      return [
        member,
        epoch?.number ?? null,
        epoch?.commitment ?? null,
        epoch?.root ?? null,
        epoch?.previous ?? null,
      ]
    }
  }
}

/** What every signature of an entry covers: mesh, seq, prev, at, author, kind, and the body as one field. */
export const entryFields = (entry: Unsigned<RosterEntry>): Field[] => [
  entry.mesh,
  entry.seq,
  entry.prev,
  entry.at,
  entry.author,
  entry.kind,
  encodeFields(bodyFields(entry)),
]

/** The 32-byte hash of an entry over its fields and signatures; of the genesis it is the mesh id. */
export const rosterEntryHash = (entry: RosterEntry): Uint8Array =>
  signedEntryHash(entryFields(entry), entry.signatures)

/** The same from `entryFields` of the entry. */
export const signedEntryHash = (fields: readonly Field[], signatures: readonly Uint8Array[]): Uint8Array =>
  hash('roster', [...fields, signatures.map(signature => [signature])])
