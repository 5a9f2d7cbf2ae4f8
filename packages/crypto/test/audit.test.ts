/** The hash tree against the vectors that Certificate Transparency publishes for RFC 6962, and against its own definition. */
import { toBase64url } from '@claudemesh/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openNote } from '../src/audit/note.ts'
import {
  type Checkpoint,
  encodeFields,
  generateSigner,
  LEAF_FIELDS,
  type LeafType,
  nodeHash,
  openCheckpoint,
  proveConsistency,
  proveInclusion,
  readFrontier,
  readLeafFields,
  signCheckpoint,
  TILE_LEVELS,
  TreeFrontier,
  verifyConsistency,
  verifyInclusion,
} from '../src/index.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const unhex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const sha256 = (bytes: Uint8Array) => new Uint8Array(new Bun.CryptoHasher('sha256').update(bytes).digest())
const leafOf = (entry: Uint8Array) => sha256(Uint8Array.of(0, ...entry))

/** Entries, roots and proofs of github.com/transparency-dev/merkle (testonly/constants.go, testdata), Apache-2.0. */
const ENTRIES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map(unhex)
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const NODE = {
  a: '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
  b: '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
  c: '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
  d: 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
  e: 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
  f: '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
}
const INCLUSION: [index: number, size: number, path: string[]][] = [
  [0, 8, [NODE.a, NODE.b, NODE.c]],
  [5, 8, [NODE.d, NODE.e, ROOTS[3]!]],
  [2, 3, [ROOTS[1]!]],
  [1, 5, [ROOTS[0]!, NODE.b, NODE.d]],
]
const CONSISTENCY: [old: number, size: number, path: string[]][] = [
  [1, 1, []],
  [1, 8, [NODE.a, NODE.b, NODE.c]],
  [6, 8, [NODE.f, NODE.e, ROOTS[3]!]],
  [2, 5, [NODE.b, NODE.d]],
]

/** A tree as the broker stores it: leaf hashes, and every eighth level. */
function stored(leaves: readonly Uint8Array[]) {
  const levels = new Map<number, Uint8Array[]>([[0, [...leaves]]])
  const frontier = new TreeFrontier()
  const roots = [frontier.root()]
  for (const leaf of leaves) {
    frontier.push(leaf, (level, index, hash) => {
      if (level % TILE_LEVELS !== 0) return
      const row = levels.get(level) ?? []
      expect(index).toBe(row.length)
      levels.set(level, [...row, hash])
    })
    roots.push(frontier.root())
  }
  const reads: string[] = []
  const read = async (level: number, index: number) => {
    reads.push(`${level}/${index}`)
    return (levels.get(level) ?? []).slice(index * 256, index * 256 + 256)
  }
  return { roots, read, reads }
}

describe('published vectors of RFC 6962', () => {
  const { roots, read } = stored(ENTRIES.map(leafOf))
  test('roots of 0 to 8 leaves', () => {
    expect(roots.map(hex)).toEqual([EMPTY, ...ROOTS])
  })
  test.each(INCLUSION)('leaf %i of %i', async (index, size, path) => {
    expect((await proveInclusion(read, index, size)).map(hex)).toEqual(path)
    const proof = { index, size, leaf: leafOf(ENTRIES[index]!), path: path.map(unhex), root: roots[size]! }
    expect(verifyInclusion(proof)).toBe(true)
  })
  test.each(CONSISTENCY)('%i leaves begin %i', async (old, size, path) => {
    expect((await proveConsistency(read, old, size)).map(hex)).toEqual(path)
    const proof = { old, size, oldRoot: roots[old]!, root: roots[size]!, path: path.map(unhex) }
    expect(verifyConsistency(proof)).toBe(true)
  })
})

/** MTH as RFC 6962 section 2.1 defines it. */
function mth(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length < 2) return leaves[0] ?? sha256(new Uint8Array())
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return nodeHash(mth(leaves.slice(0, k)), mth(leaves.slice(k)))
}

describe('a stored tree of 700 leaves', () => {
  const leaves = Array.from({ length: 700 }, (_, i) => leafOf(Uint8Array.of(i >> 8, i & 255)))
  const { roots, read, reads } = stored(leaves)
  const flip = (bytes: Uint8Array) => bytes.map((byte, i) => (i === 7 ? byte ^ 16 : byte))

  test('has the roots that the definition says', () => {
    for (const size of [1, 2, 3, 7, 64, 255, 256, 257, 511, 512, 513, 699, 700])
      expect(hex(roots[size]!)).toBe(hex(mth(leaves.slice(0, size))))
  })

  test('proves each leaf at each size, and no other leaf, place, size, root or path', async () => {
    const sizes = fc
      .integer({ min: 1, max: 700 })
      .chain(size => fc.tuple(fc.nat(size - 1), fc.constant(size)))
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async ([index, size], at) => {
        const path = await proveInclusion(read, index, size)
        const proof = { index, size, leaf: leaves[index]!, path, root: roots[size]! }
        expect(verifyInclusion(proof)).toBe(true)
        const other = path.map((hash, i) => (i === at % path.length ? flip(hash) : hash))
        const wrong = [
          { ...proof, leaf: flip(proof.leaf) },
          { ...proof, root: flip(proof.root) },
          { ...proof, index: size },
          { ...proof, path: [...path, leaves[0]!] },
          ...(path.length > 0
            ? [
                { ...proof, path: other },
                { ...proof, path: path.slice(1) },
              ]
            : []),
          ...(index > 0 ? [{ ...proof, index: index - 1 }] : []),
        ]
        for (const one of wrong) expect(verifyInclusion(one)).toBe(false)
      }),
    )
  })

  test('proves that every size begins every later one, and nothing else', async () => {
    const pairs = fc
      .integer({ min: 1, max: 700 })
      .chain(size => fc.tuple(fc.integer({ min: 1, max: size }), fc.constant(size)))
    await fc.assert(
      fc.asyncProperty(pairs, fc.nat(), async ([old, size], at) => {
        const path = await proveConsistency(read, old, size)
        const proof = { old, size, oldRoot: roots[old]!, root: roots[size]!, path }
        expect(verifyConsistency(proof)).toBe(true)
        const other = path.map((hash, i) => (i === at % path.length ? flip(hash) : hash))
        const wrong = [
          { ...proof, oldRoot: flip(proof.oldRoot) },
          { ...proof, root: flip(proof.root) },
          { ...proof, old: 0 },
          { ...proof, old: size + 1 },
          { ...proof, path: [...path, leaves[0]!] },
          ...(path.length > 0
            ? [
                { ...proof, path: other },
                { ...proof, path: path.slice(1) },
              ]
            : []),
        ]
        for (const one of wrong) expect(verifyConsistency(one)).toBe(false)
      }),
    )
  })

  test('grows on from what is stored, as it would have from the first leaf', async () => {
    for (const size of [1, 255, 256, 300, 512, 699]) {
      const frontier = new TreeFrontier()
      for (const { level, hash } of await readFrontier(read, size)) frontier.pushSubtree(level, hash)
      expect([frontier.size, hex(frontier.root())]).toEqual([size, hex(roots[size]!)])
      frontier.push(leaves[size]!)
      expect(hex(frontier.root())).toBe(hex(roots[size + 1]!))
    }
  })

  test('reads a handful of tiles for a proof', async () => {
    reads.length = 0
    await proveInclusion(read, 300, 700)
    await proveConsistency(read, 300, 700)
    expect(reads.length).toBeLessThanOrEqual(8)
  })
})

test('sizes beyond 2^32 are split where they should be', () => {
  const zero = new Uint8Array(32)
  const wide = new TreeFrontier()
  wide.pushSubtree(40, zero)
  wide.push(zero)
  expect([wide.size, hex(wide.root())]).toEqual([2 ** 40 + 1, hex(nodeHash(zero, zero))])
  const proof = { index: 2 ** 40, size: 2 ** 40 + 1, leaf: zero, path: [zero], root: wide.root() }
  expect(verifyInclusion(proof)).toBe(true)
  expect(verifyInclusion({ ...proof, index: 2 ** 40 - 1 })).toBe(false)
})

describe('a checkpoint', () => {
  const key = generateSigner(new Uint8Array(32).fill(3))
  const mesh = new Uint8Array(32).fill(1)
  const said: Checkpoint = {
    mesh,
    size: 12,
    root: new Uint8Array(32).fill(2),
    rosterSeq: 4,
    rosterHead: new Uint8Array(32).fill(5),
  }
  const code = (note: string, keys = [key.publicKey], of = mesh) => {
    try {
      openCheckpoint(note, { mesh: of, keys })
      return 'taken'
    } catch (error) {
      return (error as { code: string }).code
    }
  }

  test('reads as it was written', () => {
    const note = signCheckpoint(said, key)
    expect(note.split('\n').slice(0, 4)).toEqual([
      `claudemesh-audit/${toBase64url(mesh)}`,
      '12',
      'AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=',
      'roster 4 BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=',
    ])
    expect(openCheckpoint(note, { mesh, keys: [generateSigner().publicKey, key.publicKey] })).toEqual(said)
  })

  test('is refused with another key, of another mesh, and with any character changed', () => {
    const note = signCheckpoint(said, key)
    expect(code(note, [generateSigner().publicKey])).toBe('bad-signature')
    expect(code(signCheckpoint({ ...said, mesh: new Uint8Array(32) }, key))).toBe('bad-field')
    for (let i = 0; i < note.length; i++) {
      const changed = `${note.slice(0, i)}${note[i] === 'A' ? 'B' : 'A'}${note.slice(i + 1)}`
      expect(code(changed), `character ${i}`).not.toBe('taken')
      expect(code(note.slice(0, i)), `cut at ${i}`).not.toBe('taken')
    }
  })

  test('has one spelling', () => {
    const respelled = (size: number) => signCheckpoint({ ...said, size }, key)
    for (const size of [0, 1.5, 2 ** 53]) expect(code(respelled(size))).toBe('bad-field')
  })

  test('is in the form that others sign: the note in the documentation of golang.org/x/mod/sumdb/note opens', () => {
    const text =
      "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    const line =
      '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
    const published = Buffer.from('ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW', 'base64').subarray(1)
    expect(openNote(`${text}\n${line}`, 'PeterNeumann', [new Uint8Array(published)])).toBe(text)
  })
})

test('the fields of every leaf come back by name, and nothing else is read', () => {
  const who = { member: new Uint8Array(32).fill(1), session: new Uint8Array(32).fill(2) }
  const values = { bytes: new Uint8Array(16), number: 7, text: 'rate', recipient: who }
  for (const [type, forms] of Object.entries(LEAF_FIELDS)) {
    const fields = Object.values(forms).flatMap(form =>
      form === 'recipient' ? [who.member, who.session] : [values[form as 'bytes' | 'number' | 'text']],
    )
    const bytes = encodeFields(fields)
    const read = readLeafFields(type as LeafType, bytes)
    expect(read).toEqual(
      Object.fromEntries(
        Object.entries(forms).map(([name, form]) => [name, values[form as keyof typeof values]]),
      ),
    )
    expect(() => readLeafFields(type as LeafType, bytes.subarray(1))).toThrow()
    expect(() => readLeafFields(type as LeafType, new Uint8Array([...bytes, 0]))).toThrow()
  }
  const person = { member: who.member, session: null }
  expect(readLeafFields('attached', encodeFields([who.member, null, 1]))).toEqual({
    recipient: person,
    attachment: 1,
  })
})
