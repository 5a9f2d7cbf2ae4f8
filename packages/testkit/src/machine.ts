/** One user's machine: a scratch home with its own claudemesh and Claude Code, and a daemon that can be ended in any way. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Finished, makeScratchHome, runIn, type ScratchHome } from './claude.ts'
import { claudemesh } from './run-self.ts'

export interface Machine extends ScratchHome {
  /** `CLAUDEMESH_HOME`. */
  readonly mesh: string
  /** Runs `claudemesh` with these arguments to its end. */
  cli(...args: string[]): Promise<Finished>
  /** The same with `--json`: its objects. Rejects with what stands on stderr if it does not exit with 0. */
  json<T = Record<string, unknown>>(...args: string[]): Promise<T[]>
  /** The command line itself, to be run on a terminal. */
  command(...args: string[]): string[]
  daemonPid(): number
  /** Ends the daemon and removes the home. */
  close(): Promise<void>
}

/** Makes a machine with its daemon running; `modelUrl` is where its claude finds its model. */
export async function makeMachine(
  modelUrl: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Machine> {
  const at = makeScratchHome(modelUrl)
  const mesh = join(at.root, 'm')
  Object.assign(at.env, { CLAUDEMESH_HOME: mesh, NO_COLOR: '1', ...env })
  const cli = (...args: string[]): Promise<Finished> => runIn(at, claudemesh(...args))
  const strict = async (...args: string[]): Promise<string> => {
    const done = await cli(...args)
    if (done.code !== 0)
      throw new Error(`claudemesh ${args.join(' ')} ended with ${done.code}: ${done.stderr}${done.stdout}`)
    return done.stdout
  }
  await strict('daemon', 'start')
  return {
    ...at,
    mesh,
    cli,
    command: claudemesh,
    async json<T>(...args: string[]) {
      const out = await strict(...args, '--json')
      return out
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line) as T)
    },
    daemonPid: () => JSON.parse(readFileSync(join(mesh, 'daemon.json'), 'utf8')).pid,
    async close() {
      await cli('daemon', 'stop')
      at.remove()
    },
  }
}
