/** The `claudemesh` of this repository as a command line, straight on Bun. */
import { join } from 'node:path'

const START = join(import.meta.dirname, '../../../apps/cli/src/start.ts')

/** Neither `.env` nor `bunfig.toml` of the current folder take part, as in bin/claudemesh.mjs. */
export const claudemesh = (...args: string[]): string[] => [
  process.execPath,
  '--no-env-file',
  '--no-install',
  '--config=/dev/null',
  START,
  ...args,
]
