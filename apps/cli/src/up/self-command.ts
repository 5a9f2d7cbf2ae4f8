/** This very program as a command line, so that what it starts is the same version with the same care about its surroundings. */
import { fileURLToPath } from 'node:url'
import { compiledProgram } from '../compiled/current.ts'

const start = fileURLToPath(new URL('../start.ts', import.meta.url))

/** `.env` and `bunfig.toml` of the current folder take no part, as in bin/claudemesh.mjs. */
const command = (program: string, args: readonly string[]): [string, ...string[]] => [
  process.execPath,
  '--no-env-file',
  '--no-install',
  '--config=/dev/null',
  program,
  ...args,
]

/** Bun, its flags, our entry and `args`: as it may stand in a file, for every version of this program to come. */
export const selfCommand = (args: readonly string[]): [string, ...string[]] => command(start, args)

/** The same for a start at once: where it is compiled, nothing is left to look for, which takes 2 MiB less. */
export const selfCommandNow = (args: readonly string[]): [string, ...string[]] =>
  command(compiledProgram() ?? start, args)
