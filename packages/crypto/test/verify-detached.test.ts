/** The fast verification takes and refuses what libsodium does, at every edge; the host alone would not. */
import { verify as hostVerify } from 'node:crypto'
import { expect, test } from 'vitest'
import { sodium } from '../src/sodium.ts'
import { verifyDetached, verifyDetachedAside } from '../src/verify-detached.ts'
import { edgeCases } from './edge-signatures.ts'

const spki = (key: Uint8Array) => Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key])
const byHost = (signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean =>
  hostVerify(null, message, { key: spki(key), format: 'der', type: 'spki' }, signature)

test('at every edge the verdict is that of libsodium, here and aside', async () => {
  const cases = edgeCases()
  const verdicts = await Promise.all(
    cases.map(async ({ name, key, signature, message }) => ({
      name,
      ours: verifyDetached(signature, message, key),
      aside: await verifyDetachedAside(signature, message, key),
      libsodium: sodium.crypto_sign_verify_detached(signature, message, key),
      host: byHost(signature, message, key),
    })),
  )
  expect(verdicts.filter(({ ours, libsodium }) => ours !== libsodium)).toEqual([])
  expect(verdicts.filter(({ aside, libsodium }) => aside !== libsodium)).toEqual([])
  const count = (holds: (one: (typeof verdicts)[number]) => boolean) => verdicts.filter(holds).length
  expect(cases.length).toBeGreaterThan(1_000)
  // Both verdicts occur, and the host alone would take what libsodium refuses.
  expect(count(({ libsodium }) => libsodium)).toBeGreaterThan(10)
  expect(count(({ libsodium }) => !libsodium)).toBeGreaterThan(100)
  expect(count(({ host, libsodium }) => host && !libsodium)).toBeGreaterThan(10)
})

test('what is no key and no signature is refused, or thrown as libsodium throws it', async () => {
  const [{ key, signature, message }] = edgeCases(1) as [ReturnType<typeof edgeCases>[number]]
  expect(verifyDetached(signature, message, key)).toBe(true)
  for (const [s, k] of [
    [signature.slice(1), key],
    [signature, key.slice(1)],
    [new Uint8Array(65), key],
    [signature, new Uint8Array(33)],
  ] as const) {
    expect(() => sodium.crypto_sign_verify_detached(s, message, k)).toThrow()
    expect(() => verifyDetached(s, message, k)).toThrow()
    expect(() => verifyDetachedAside(s, message, k)).toThrow()
  }
})
