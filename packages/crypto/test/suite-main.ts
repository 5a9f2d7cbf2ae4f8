/** Runs the suite where there is no test runner and prints one line of JSON: how many checks ran, which failed. */
import { checks, failures } from './suite.ts'

console.log(JSON.stringify({ ran: checks.length, failed: failures('sparse') }))
