/** Agreements by the host are those of libsodium, byte for byte, whatever the keys; what libsodium refuses is refused. */
import { expect, test } from 'vitest'
import { boxFromSeed, boxKey } from '../src/sealing/box-key.ts'
import { hostExchange } from '../src/sealing/host-x25519.ts'
import { xwingEncapsulate } from '../src/sealing/xwing.ts'
import { sodium } from '../src/sodium.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const unhex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const filled = (size: number, from: number) =>
  Uint8Array.from({ length: size }, (_, i) => (i * 37 + from * 101 + (i >> 3) * from) & 0xff)
const shown = (work: () => Record<string, Uint8Array>): unknown => {
  try {
    return Object.fromEntries(Object.entries(work()).map(([name, bytes]) => [name, hex(bytes)]))
  } catch {
    return 'refused'
  }
}

/** Points whose order divides 8, in each of their encodings that has 32 bytes, with and without the bit that is masked. */
const SMALL = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
  `${'00'.repeat(31)}80`,
].map(unhex)
/** Above the prime, or with the bit that is masked: not the one encoding of their point, and taken. */
const UNREDUCED = [`f2${'ff'.repeat(30)}7f`, 'ff'.repeat(32), `09${'00'.repeat(30)}80`].map(unhex)

test.each([
  [
    'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
    'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
    'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
  ],
  [
    '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
    'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
    '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
  ],
])('vector %# of RFC 7748 section 5.2', (secret, theirs, shared) => {
  const made = hostExchange(unhex(secret), unhex(theirs))
  expect([hex(made!.shared), hex(made!.publicKey)]).toEqual([
    shared,
    hex(sodium.crypto_scalarmult_base(unhex(secret))),
  ])
})

test('X25519 with 60 keys, and with encodings that are not the one of their point', () => {
  const theirs = Array.from({ length: 60 }, (_, i) => sodium.crypto_scalarmult_base(filled(32, i + 1)))
  for (const [i, key] of [...theirs, ...UNREDUCED].entries()) {
    const secret = filled(32, i + 200)
    expect(shown(() => ({ ...hostExchange(secret, key) }))).toEqual(
      shown(() => ({
        publicKey: sodium.crypto_scalarmult_base(secret),
        shared: sodium.crypto_scalarmult(secret, key),
      })),
    )
  }
  for (const key of SMALL) expect(hostExchange(filled(32, 7), key)).toBeUndefined()
  for (const key of [new Uint8Array(31), new Uint8Array(33)])
    expect(hostExchange(filled(32, 7), key)).toBeUndefined()
})

test('a box key from a seed is crypto_box_beforenm of crypto_box_seed_keypair', () => {
  const theirs = Array.from({ length: 20 }, (_, i) => sodium.crypto_scalarmult_base(filled(32, i + 1)))
  for (const [i, key] of [...theirs, ...UNREDUCED, ...SMALL, new Uint8Array(31)].entries()) {
    const seed = filled(32, i + 90)
    const { publicKey, privateKey } = sodium.crypto_box_seed_keypair(seed)
    const own = shown(() => ({ ...boxFromSeed(seed, key) }))
    expect(own).toEqual(shown(() => ({ publicKey, box: sodium.crypto_box_beforenm(key, privateKey) })))
    expect(own === 'refused').toBe(i >= 23)
    const alone = shown(() => ({ publicKey, box: boxKey(privateKey, key) }))
    expect(alone).toEqual(own)
  }
})

test('an X-Wing encapsulation is that of libsodium, which decapsulates it', () => {
  const seeds = Array.from({ length: 12 }, (_, i) => sodium.crypto_kem_xwing_seed_keypair(filled(32, i + 1)))
  const keys = seeds.map(({ publicKey }) => publicKey)
  const withPoint = (point: Uint8Array) => new Uint8Array([...keys[0]!.subarray(0, 1184), ...point])
  const odd = [...UNREDUCED, ...SMALL].map(withPoint)
  const broken = [new Uint8Array(1216).fill(255), keys[0]!.subarray(1), new Uint8Array(0)]
  for (const [i, key] of [...keys, ...odd, ...broken].entries()) {
    const coins = filled(64, i + 30)
    const own = shown(() => ({ ...xwingEncapsulate(key, coins) }))
    expect(own, `key ${i}`).toEqual(
      shown(() => {
        const { ciphertext, sharedSecret } = sodium.crypto_kem_xwing_enc_deterministic(key, coins)
        return { ciphertext, sharedSecret }
      }),
    )
  }
  for (const [i, { publicKey, privateKey }] of seeds.entries()) {
    const { ciphertext, sharedSecret } = xwingEncapsulate(publicKey, filled(64, i))
    expect(hex(sodium.crypto_kem_xwing_dec(ciphertext, privateKey))).toBe(hex(sharedSecret))
  }
  expect(() => xwingEncapsulate(keys[0]!, new Uint8Array(63))).toThrow()
})
