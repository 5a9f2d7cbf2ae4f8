/** Where the process begins: goes on with the compiled program where there is one of these sources, else with the sources. */
import { compiledProgram } from './compiled/current.ts'

/** What stays, and is worth the second: a daemon of sources is 10 MiB larger for as long as it lives. */
const stays = (argv: readonly string[]): boolean =>
  argv[0] === 'up' || ((argv[0] === 'daemon' || argv[0] === 'broker') && argv[1] === 'run')

/** In a process of its own: what compiling takes in memory goes with it. */
function compile(): string | undefined {
  const file = Bun.fileURLToPath(new URL('./compiled/compile.ts', import.meta.url))
  Bun.spawnSync([process.execPath, '--no-env-file', '--no-install', '--config=/dev/null', file])
  return compiledProgram()
}

const program = compiledProgram(process.argv[2]) ?? (stays(process.argv.slice(2)) ? compile() : undefined)
if (program === undefined) await import('./main.ts')
else await import(program)
