import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  brokerFrame,
  clientFrame,
  decodeFrame,
  encodeFrame,
  MeshError,
  parseBrokerFrame,
  parseClientFrame,
  scanSend,
} from '../src/index.ts'
import { dataFrame } from './data-frame-arbitrary.ts'
import { sampleOf } from './schema-sample.ts'

const ROUNDS = 100_000
const SEED = 0x5eed

/** A generator that repeats itself, so that a failure can be met again. */
function dice(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** Noise, or a valid frame with a few bytes changed, cut out or repeated. */
function mutated(corpus: Uint8Array[], roll: (below: number) => number): Uint8Array {
  if (roll(8) === 0) return Uint8Array.from({ length: roll(200) }, () => roll(256))
  let bytes = corpus[roll(corpus.length)]!.slice()
  for (let n = 1 + roll(3); n > 0; n--) {
    const at = roll(bytes.length || 1)
    const kind = roll(4)
    if (kind === 0) bytes = bytes.slice(0, at)
    else if (kind === 1)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(roll(bytes.length || 1))])
    else if (bytes.length > 0) bytes[at] = roll(256)
  }
  return bytes
}

function meets(run: () => unknown, counts: { read: number; refused: number }): void {
  try {
    run()
    counts.read++
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    counts.refused++
  }
}

test('100,000 random and mutated frames meet a value or a MeshError, and leave nothing behind', {
  timeout: 300_000,
}, () => {
  const roll = dice(SEED)
  const binary = fc.sample(dataFrame, { numRuns: 40, seed: SEED }).map(encodeFrame)
  const options = [
    ...clientFrame.options[0].options,
    ...clientFrame.options[1].options,
    ...brokerFrame.options,
  ]
  const texts = options.map(schema => new TextEncoder().encode(JSON.stringify(sampleOf(schema))))
  const small = texts.filter(text => text.length < 4096)
  const counts = { read: 0, refused: 0 }
  let settled = 0
  for (let round = 0; round < ROUNDS; round++) {
    if (round === ROUNDS / 4) settled = heap()
    if (round % 2 === 0) {
      const bytes = mutated(binary, roll)
      meets(() => decodeFrame(bytes), counts)
      meets(() => scanSend(bytes), counts)
    } else {
      const text = new TextDecoder().decode(mutated(small, roll))
      meets(() => parseClientFrame(text), counts)
      meets(() => parseBrokerFrame(text), counts)
    }
  }
  expect(heap() - settled).toBeLessThan(8 << 20)
  expect(counts.refused).toBeGreaterThan(ROUNDS / 2)
  expect(counts.read).toBeGreaterThan(ROUNDS / 100)
})

function heap(): number {
  Bun.gc(true)
  return process.memoryUsage().heapUsed
}
