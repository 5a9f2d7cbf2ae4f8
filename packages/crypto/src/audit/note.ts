/** Signed notes as C2SP defines them (c2sp.org/signed-note, ed25519): text that a person can read, and a line that signs it. */
import { concatBytes, equalBytes, MeshError } from '@claudemesh/protocol'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Signer } from '../signer.ts'
import { sodium } from '../sodium.ts'
import { verifyDetached } from '../verify-detached.ts'

const ED25519 = 1
const utf8 = new TextEncoder()

/** RFC 4648 section 4, with padding. */
export const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))

/** Canonical base64 with padding; `undefined` for anything else. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return undefined
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0))
  return toBase64(bytes) === text ? bytes : undefined
}

/** First 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key): tells keys of one name apart. */
const keyId = (name: string, publicKey: Uint8Array): Uint8Array =>
  sha256(concatBytes(utf8.encode(`${name}\n`), Uint8Array.of(ED25519), publicKey)).subarray(0, 4)

/** A note over `text`, which ends with a line break. `name` holds no space and no plus. */
export function signNote(text: string, name: string, key: Signer): string {
  const signature = sodium.crypto_sign_detached(utf8.encode(text), key.secretKey)
  return `${text}\n— ${name} ${toBase64(concatBytes(keyId(name, key.publicKey), signature))}\n`
}

/**
 * The text of a note with exactly one signature, by `name`, that one of `keys` made.
 * @throws MeshError `bad-field` for what is no such note, `bad-signature` where no key signed it.
 */
export function openNote(note: string, name: string, keys: readonly Uint8Array[]): string {
  const end = note.lastIndexOf('\n\n') + 1
  const line = /^\n— (\S+) (\S+)\n$/.exec(note.slice(end))
  const signed = line?.[2] === undefined ? undefined : fromBase64(line[2])
  if (end === 0 || line?.[1] !== name || signed?.length !== 68)
    throw new MeshError('bad-field', 'not a note of this log', { field: 'checkpoint' })
  const text = note.slice(0, end)
  const [id, signature] = [signed.subarray(0, 4), signed.subarray(4)]
  const signer = keys.find(
    key => equalBytes(id, keyId(name, key)) && verifyDetached(signature, utf8.encode(text), key),
  )
  if (!signer)
    throw new MeshError('bad-signature', 'the checkpoint was not signed by a key that the roster names', {
      field: 'checkpoint',
    })
  return text
}
