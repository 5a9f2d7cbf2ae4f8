/** The process: arguments in, exit code out. */
import { written } from './output/written.ts'
import { runProgram } from './program.ts'

const argv = process.argv.slice(2)
// Setting up the stream takes as long as loading a command: `launch` hands it to claude and writes its help alone to it.
if (argv[0] !== 'launch' || argv.includes('--help'))
  process.stdout.on('error', error => {
    // `claudemesh inbox --follow | head`: the reader has what it wanted.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0)
    throw error
  })
const exit = await runProgram(argv)
await written()
process.exit(exit)
