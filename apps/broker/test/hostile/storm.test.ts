/** 100,000 random and mutated frames on one broker process; two peers talk the whole time. `storm.long.test.ts` is the long form. */
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, test } from 'vitest'
import { grown, storm } from './storm.ts'

afterAll(stopSharedPostgres)

const MIB = 1 << 20

test('100,000 random and mutated frames: none is more than refused, two peers hear each other in order all the while, memory stays flat', async () => {
  const report = await storm({ rounds: 10, perRound: 10_000, seed: 20_261_121 })
  expect(report.framesReceived).toBeGreaterThan(98_000)
  expect(report.failures).toEqual([])
  expect(report.log).not.toMatch(/failed|Error/)
  expect(report.lost).toBe(0)
  for (const { sent, heard, took } of report.ways) {
    expect(heard).toEqual(sent)
    expect(sent.length).toBeGreaterThan(20)
    expect(Math.max(...took)).toBeLessThan(20_000)
  }
  // The teeth of the garbage collector are 50 MiB high, over 400,000 frames as over these. 40,000 lie between: a broker that kept
  // 1,700 bytes of each would be found; one that keeps less, by the long form.
  expect(grown(report), `${report.resident}`).toBeLessThan(64 * MIB)
  expect(Math.max(...report.resident)).toBeLessThan(512 * MIB)
}, 120_000)
