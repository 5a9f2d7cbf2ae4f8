/** What a person has to type here to run this program: its name where that works, else the path that does. */
import { existsSync } from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Package managers put this folder on PATH for the scripts they run, and only for those. */
const LENT = /node_modules\/\.bin\/?$|node-gyp-bin\/?$/

export function howToType(
  env: NodeJS.ProcessEnv = process.env,
  from = env.INIT_CWD || process.cwd(),
): string {
  const folders = (env.PATH ?? '').split(delimiter).filter(folder => folder !== '' && !LENT.test(folder))
  if (folders.some(folder => existsSync(join(folder, 'claudemesh')))) return 'claudemesh'
  const bin = fileURLToPath(new URL('../../../../node_modules/.bin/claudemesh', import.meta.url))
  if (!existsSync(bin)) return 'claudemesh'
  const near = relative(from, bin)
  return near.startsWith('..') ? bin : `./${near}`
}
