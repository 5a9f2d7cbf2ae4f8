/** The host signs with the very bytes of libsodium, whatever the key and however long the message. */
import { expect, test } from 'vitest'
import { generateSigner } from '../src/index.ts'
import { signDetached } from '../src/sign-detached.ts'
import { sodium } from '../src/sodium.ts'

test('200 keys, messages of 0 to 2,000 bytes: one signature, which libsodium verifies', () => {
  for (let i = 0; i < 200; i++) {
    const { publicKey, secretKey } = generateSigner(new Uint8Array(32).fill(i))
    const message = Uint8Array.from({ length: i * 10 + (i > 0 ? 10 : 0) }, (_, at) => (at * 31 + i) & 0xff)
    const signature = signDetached(message, secretKey)
    expect(signature).toEqual(sodium.crypto_sign_detached(message, secretKey))
    expect(signDetached(message, secretKey)).toEqual(signature)
    expect(sodium.crypto_sign_verify_detached(signature, message, publicKey)).toBe(true)
  }
})

test('a secret key of another length is refused', () => {
  const { secretKey } = generateSigner()
  for (const wrong of [secretKey.slice(1), new Uint8Array(), new Uint8Array(65)])
    expect(() => signDetached(new Uint8Array(4), wrong)).toThrow()
})
