/** The process: arguments in, exit code out. */
import { written } from './output/written.ts'
import { runProgram } from './program.ts'

process.stdout.on('error', error => {
  // `claudemesh inbox --follow | head`: the reader has what it wanted.
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0)
  throw error
})
const exit = await runProgram(process.argv.slice(2))
await written()
process.exit(exit)
