/** Aliases: a session key says which UUIDs its session had before the one it has now (SPEC section 4.3). */
import { type Alias, type FormerUuid, MeshError, TIMES } from '@claudemesh/protocol'
import type { Field } from './signed-bytes.ts'
import { type Signer, sign, verify } from './signer.ts'
import { uuidBytes } from './uuid.ts'

/** Whose alias it is: all of it is signed. */
export interface AliasPlace {
  readonly mesh: Uint8Array
  readonly member: Uint8Array
  readonly session: Uint8Array
  /** The UUID of its certificate. */
  readonly uuid: string
}

const fieldsOf = (place: AliasPlace, former: readonly FormerUuid[]): Field[] => [
  place.mesh,
  place.member,
  place.session,
  uuidBytes(place.uuid),
  former.map(({ uuid, until }) => [uuidBytes(uuid), until]),
]

/** Signs with the session key; `former` is oldest first, 1 to 16. */
export const signAlias = (place: AliasPlace, former: readonly FormerUuid[], session: Signer): Alias => ({
  former: [...former],
  signature: sign('alias', fieldsOf(place, former), session.secretKey),
})

/**
 * Checks that the session of `place` signed it, for the UUID it has there.
 * @param now the reader's clock, ms since 1970.
 * @throws MeshError `bad-signature`, `integrity` (a UUID twice, or the present one), `clock` (`until` over 5 min ahead).
 */
export function verifyAlias({ former, signature }: Alias, place: AliasPlace, now: number): void {
  if (!verify('alias', fieldsOf(place, former), signature, place.session))
    throw new MeshError('bad-signature', 'the alias was not signed by its session', { field: 'signature' })
  if (new Set([place.uuid, ...former.map(({ uuid }) => uuid)]).size !== former.length + 1)
    throw new MeshError('integrity', 'the alias names a UUID twice', { field: 'former' })
  if (former.some(({ until }) => until > now + TIMES.idSkewMs))
    throw new MeshError('clock', 'the alias is ahead of this clock', { field: 'until' })
}
