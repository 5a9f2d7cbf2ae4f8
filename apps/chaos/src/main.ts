/**
 * `pnpm chaos`: `RUNS` (10) runs of `SECONDS` (30) from `SEED` (1) on; prints each seed, what it broke and how long it took to be
 * quiet. `FAULT` plants one of `PLANTED_FAULTS`; `PATIENCE` (600): seconds until what is open counts as broken.
 */
import { PLANTED_FAULTS } from './planted-faults.ts'
import { type Outcome, run } from './run.ts'

const number = (name: string, fallback: number): number => Number(process.env[name] ?? fallback)
/** Whoever waits longer wants to know for what. */
const LONG_MS = 20_000

/** Keys as names of machines, so that a person can read them. */
const named = ({ names }: Outcome, text: string): string =>
  Object.entries(names).reduce((shown, [key, name]) => shown.replaceAll(key, name), text)

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130))
const [from, runs, seconds] = [number('SEED', 1), number('RUNS', 10), number('SECONDS', 30)]
const name = process.env.FAULT as keyof typeof PLANTED_FAULTS | undefined
const options = {
  seconds,
  patienceMs: number('PATIENCE', 600) * 1000,
  ...(name && { fault: PLANTED_FAULTS[name] }),
}
const failed: number[] = []
for (let seed = from; seed < from + runs; seed++) {
  const outcome = await run(seed, options)
  const { broken, plan, history, quietMs } = outcome
  const sent = history.events.filter(({ type }) => type === 'sent').length
  console.log(
    `SEED=${seed} SECONDS=${seconds}: ${sent} messages, ${plan.strikes.length} strikes, quiet after ${quietMs} ms, ${broken.length} promises broken`,
  )
  if (quietMs > LONG_MS) console.log(`  waited for: ${named(outcome, outcome.waitedFor)}`)
  if (process.env.VERBOSE === '1') {
    for (const { at, ...event } of history.events)
      console.log(new Date(at).toISOString(), named(outcome, JSON.stringify(event)))
  }
  if (broken.length === 0) continue
  failed.push(seed)
  for (const { promise, what } of broken.slice(0, 10)) console.log(`  ${promise}: ${named(outcome, what)}`)
}
console.log(
  `${runs} runs, ${failed.length} broke a promise${failed.length > 0 ? `: ${failed.join(' ')}` : ''}`,
)
process.exit(failed.length > 0 ? 1 : 0)
