/** Turns vitest's JSON report into CI's closing line; fails where a real-client or NATS test was skipped. */
import { readFileSync } from 'node:fs'

const [file, status] = process.argv.slice(2)
let report
try {
  report = JSON.parse(readFileSync(file, 'utf8'))
} catch {
  console.error('ci: the test run left no report')
  console.log('0 passed, 1 failed, 0 skipped')
  process.exit(1)
}
const skipped = report.testResults.flatMap(f =>
  f.assertionResults
    .filter(t => t.status !== 'passed' && t.status !== 'failed')
    .map(t => `${f.name}: ${t.fullName}`),
)
const forbidden = skipped.filter(name =>
  /claude\/|nats/i.test(
    name
      .split(': ')[0]
      .replace(process.cwd(), '')
      .replace(/^.*\/apps\/cli/, 'apps/cli'),
  ),
)
for (const name of skipped) console.error(`ci: skipped ${name}`)
const failed = Math.max(report.numFailedTests, status === '0' ? 0 : 1) + forbidden.length
if (forbidden.length) console.error('ci: real-client and NATS tests may not be skipped here')
console.log(`${report.numPassedTests} passed, ${failed} failed, ${skipped.length} skipped`)
process.exit(failed === 0 ? 0 : 1)
