/** Leaves that lie packed: each hashes to what it does alone, at any index, and lengths that do not fit are no run. */
import { expect, test } from 'vitest'
import { hashesOf } from '../src/audit/run.ts'
import { generateSigner, type LeafRun, LogVerifier, leavesOf, storedLeafHash } from '../src/index.ts'

const WIDTH = 57
const COUNT = 5
const bodies = crypto.getRandomValues(new Uint8Array(COUNT * WIDTH))
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

function runAt(index: number): LeafRun {
  const bare = { index, at: 1_700_000_000_123, type: 'accepted', bodies }
  const empty = { ...bare, hashes: new Uint8Array(COUNT * 32) }
  const hashes = [...leavesOf(empty)].map(leaf => storedLeafHash({ ...leaf.body!, index: leaf.index }))
  return { ...bare, hashes: new Uint8Array(Buffer.concat(hashes)) }
}

test.each([0, 254, 2 ** 32 - 2, 2 ** 52])('from index %i on each leaf hashes as it does alone', index => {
  const run = runAt(index)
  const leaves = [...leavesOf(run)]
  expect([...hashesOf(run)].map(hex)).toEqual(leaves.map(({ hash }) => hex(hash)))
  expect(leaves.map(leaf => leaf.index)).toEqual([0, 1, 2, 3, 4].map(i => index + i))
  for (const [i, { body }] of leaves.entries())
    expect(hex(body!.salt) + hex(body!.fields)).toBe(hex(bodies.subarray(i * WIDTH, (i + 1) * WIDTH)))
})

test('whose lengths do not fit, or whose time is none, is named as edited', () => {
  const run = runAt(0)
  const fault = (changed: Partial<LeafRun>) => {
    const log = new LogVerifier({ mesh: new Uint8Array(32), keys: [generateSigner().publicKey] })
    try {
      log.run({ ...run, ...changed })
      return 'taken'
    } catch (error) {
      const { facts } = error as { facts: { fault: string; firstBad: number } }
      return [facts.fault, facts.firstBad]
    }
  }
  expect(fault({})).toBe('taken')
  for (const changed of [
    { hashes: run.hashes.subarray(1) },
    { hashes: new Uint8Array() },
    { bodies: bodies.subarray(1) },
    { bodies: bodies.subarray(0, COUNT * 15) },
    { bodies: new Uint8Array() },
    { at: -1 },
    { at: 2 ** 53 },
    { type: 'expired' },
  ])
    expect(fault(changed), JSON.stringify(Object.keys(changed))).toEqual(['edited', 0])
  expect(fault({ index: 1 })).toEqual(['missing', 0])
  const third = run.hashes.slice()
  third[2 * 32 + 5]! ^= 1
  expect(fault({ hashes: third })).toEqual(['edited', 2])
})
