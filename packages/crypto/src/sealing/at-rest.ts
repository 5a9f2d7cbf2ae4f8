/** Texts at rest under a key that is erased when they are to be unreadable. */
import { concatBytes, MeshError, SIZES } from '@claudemesh/protocol'
import { randomBytes } from '../random.ts'
import { decrypt, encrypt } from './aead.ts'

/** Nonce 24 ‖ XChaCha20-Poly1305 of the UTF-8, bound to `place`, so that it opens nowhere else. `key` has 32 bytes. */
export function sealAtRest(p: { key: Uint8Array; place: string; text: string }): Uint8Array {
  const nonce = randomBytes(SIZES.nonce)
  const [place, text] = [p.place, p.text].map(each => new TextEncoder().encode(each)) as [
    Uint8Array,
    Uint8Array,
  ]
  return concatBytes(nonce, encrypt(p.key, nonce, place, text))
}

/** @throws MeshError `integrity` when key, place or a single bit is another. */
export function openAtRest(p: { key: Uint8Array; place: string; sealed: Uint8Array }): string {
  const place = new TextEncoder().encode(p.place)
  const text = decrypt(p.key, p.sealed.slice(0, SIZES.nonce), place, p.sealed.slice(SIZES.nonce))
  if (!text) throw new MeshError('integrity', 'a stored text does not open: the store was damaged or changed')
  return new TextDecoder().decode(text)
}
