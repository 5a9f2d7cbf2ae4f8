/** The storm for an hour's worth: what leaks a hundred bytes a frame shows. */
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, test } from 'vitest'
import { grown, storm } from './storm.ts'

afterAll(stopSharedPostgres)

test.each([1, 2, 3])(
  '1,000,000 frames of seed %d: nothing breaks, nothing is lost, nothing is kept',
  async seed => {
    const report = await storm({ rounds: 40, perRound: 25_000, seed })
    expect(report.framesReceived).toBeGreaterThan(990_000)
    expect(report.failures).toEqual([])
    expect(report.log).not.toMatch(/failed|Error/)
    expect(report.lost).toBe(0)
    for (const { sent, heard } of report.ways) expect(heard).toEqual(sent)
    expect(grown(report), `${report.resident}`).toBeLessThan(64 * (1 << 20))
  },
)
