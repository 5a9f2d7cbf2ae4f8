/** Hands the relay of a session that ended to a process of its own, for the copies that still speak through it. */
import { spawn } from 'node:child_process'
import { z } from 'zod'
import { RELAY_KEEPER } from './programs.ts'

/** What the keeper is told on its stdin: a secret stands in no argument. */
export const keeping = z.strictObject({
  home: z.string(),
  /** Of Claude Code. */
  configDir: z.string(),
  /** The plugin's folder, which goes with the last copy. */
  dir: z.string(),
  tokenFile: z.string(),
  uuid: z.string(),
  port: z.int().positive(),
  /** The relay's own. */
  token: z.string(),
})
export type Keeping = z.output<typeof keeping>

/** What it says once it has the port. */
export const KEPT = 'kept\n'
/** A busy machine starts a program in its own time; where it fails at once, so does this. */
const START_MS = 30_000

/** True once another process answers at the port; false where none could be started, and then nothing is left of it. */
export function keepRelay(what: Keeping): Promise<boolean> {
  const [program, ...args] = RELAY_KEEPER
  const { HOME, PATH, XDG_RUNTIME_DIR, TMPDIR } = process.env
  const child = spawn(program!, args, {
    cwd: what.home,
    env: { HOME, PATH, XDG_RUNTIME_DIR, TMPDIR },
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  })
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), START_MS)
  child.on('error', () => resolve(false))
  child.on('exit', () => resolve(false))
  child.stdin.on('error', () => resolve(false))
  child.stdout.on('data', (said: Buffer) => resolve(said.toString() === KEPT))
  child.stdin.end(JSON.stringify(what))
  return promise.then(isKept => {
    clearTimeout(timer)
    if (!isKept) child.kill('SIGKILL')
    child.stdout.destroy()
    child.unref()
    return isKept
  })
}
