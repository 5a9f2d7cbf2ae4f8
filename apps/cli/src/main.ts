/** The process: arguments in, exit code out. */
import { runProgram } from './program.ts'

process.stdout.on('error', error => {
  // `claudemesh inbox --follow | head`: the reader has what it wanted.
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0)
  throw error
})
const exit = await runProgram(process.argv.slice(2))
// What was written to a pipe is there before we are gone.
await Promise.all([process.stdout, process.stderr].map(stream => new Promise(done => stream.write('', done))))
process.exit(exit)
