/** Runs the suite where there is no test runner and prints one line of JSON: whether it is Bun, how many checks ran, which failed. */
import { checks, failures } from './suite.ts'

console.log(
  JSON.stringify({ bun: 'Bun' in globalThis, ran: checks.length, failed: await failures('sparse') }),
)
