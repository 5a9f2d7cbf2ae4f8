/** This very program as a command line, so that what it starts is the same version with the same care about its surroundings. */
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))

/** Bun, its flags, our entry and `args`. `.env` and `bunfig.toml` of the current folder take no part, as in bin/claudemesh.mjs. */
export const selfCommand = (args: readonly string[]): [string, ...string[]] => [
  process.execPath,
  '--no-env-file',
  '--no-install',
  '--config=/dev/null',
  main,
  ...args,
]
