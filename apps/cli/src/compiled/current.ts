/**
 * The program compiled into few files, which load in half the time of 900 sources and in 10 MiB less. It is used only where every
 * source it was made of is the very file that was read then: size and both times the same. Nobody can set the time of a change
 * (ctime) back, so neither an edit nor a copied or restored tree runs old code.
 */
import { readFileSync, statSync } from 'node:fs'

/** The repository, with a slash at its end. */
export const ROOT = Bun.fileURLToPath(new URL('../../../../', import.meta.url))
export const FOLDER = `${ROOT}apps/cli/node_modules/.cache/claudemesh/`
export const CURRENT = `${FOLDER}current.json`
/** What pnpm has installed, as opposed to what it was asked for. */
const INSTALLED = `${ROOT}node_modules/.pnpm/lock.yaml`

export interface Compiled {
  /** What was compiled and by which Bun: paths of the tree stand in the code. */
  readonly of: string
  /** The entry, relative to the root. */
  readonly program: string
  /** Our own sources and what was made of them, relative to the root, each as `identity` tells it. */
  readonly files: Record<string, string>
  /** Which of `files`, counted from 0, a process can load whose first word is this command. */
  readonly commands: Record<string, readonly number[]>
}

/**
 * The compiled program's path; `undefined` where there is none of these very sources. To look at 600 files takes 7 ms: for a `command`,
 * the first word, only what it can load is looked at.
 */
export function compiledProgram(command = ''): string | undefined {
  try {
    const { of, program, files, commands } = JSON.parse(readFileSync(CURRENT, 'utf8')) as Compiled
    if (of !== whatIsCompiled()) return undefined
    const all = Object.keys(files)
    const loaded = Object.hasOwn(commands, command) ? commands[command]!.map(n => all[n]!) : all
    for (const file of loaded) if (identity(ROOT + file) !== files[file]) return undefined
    return ROOT + program
  } catch {
    // None yet, or half of one: the sources are as good.
    return undefined
  }
}

export const whatIsCompiled = (): string =>
  `${ROOT} ${Bun.version}+${Bun.revision} ${Bun.hash(readFileSync(INSTALLED)).toString(36)}`

/** Changes with every change of the file. Throws where there is none. */
export function identity(file: string): string {
  const { size, mtimeMs, ctimeMs } = statSync(file)
  return `${size} ${mtimeMs} ${ctimeMs}`
}
