/** `SEED=7 bun apps/simulation/src/main.ts` repeats one history; without a seed, `HISTORIES` (1,000) from `FROM` (1) on. */
import { simulate } from './simulate.ts'

/** Keys as names of machines, so that a person can read them. */
const named = (names: Readonly<Record<string, string>>, text: string): string =>
  Object.entries(names).reduce((shown, [key, name]) => shown.replaceAll(key, name), text)

const number = (name: string, fallback: number): number => Number(process.env[name] ?? fallback)

if (process.env.SEED) {
  const { plan, history, broken, hash, names } = await simulate(number('SEED', 0))
  console.log(JSON.stringify(plan, null, 1))
  for (const { at, ...event } of history.events) console.log(at, named(names, JSON.stringify(event)))
  for (const { promise, what } of broken) console.log('BROKEN', promise, named(names, what))
  console.log('hash', hash)
  process.exit(broken.length > 0 ? 1 : 0)
}

const from = number('FROM', 1)
const count = number('HISTORIES', 1000)
const failed: number[] = []
const began = performance.now()
for (let seed = from; seed < from + count; seed++) {
  const { broken, names } = await simulate(seed)
  if (broken.length === 0) continue
  failed.push(seed)
  for (const { promise, what } of broken.slice(0, 3))
    console.log(`SEED=${seed} ${promise}: ${named(names, what)}`)
}
const minutes = (performance.now() - began) / 60_000
console.log(`${count} histories, ${Math.round(count / minutes)} a minute, ${failed.length} broke a promise`)
process.exit(failed.length > 0 ? 1 : 0)
