/**
 * By which launched session a process below `claude` speaks: hooks, tool servers, commands in its shell. Imports nothing, as
 * forward-hook.ts.
 */
export interface LaunchedHere {
  readonly home: string
  readonly tokenFile: string
}

/** `<home>/run/<name>.plugin`, beside `<name>.token` (plugin-dir.ts). */
const PLUGIN = /^(.+)\/run\/[0-9a-f-]{36}\.plugin$/

/**
 * `undefined` where no launched session is above it. A background session has the environment of whoever started its supervisor
 * (2.1.329), which may be another session: there the plugin among its own flags tells.
 */
export async function launchedHere(
  env: Readonly<Record<string, string | undefined>>,
): Promise<LaunchedHere | undefined> {
  const { CLAUDEMESH_HOME: home, CLAUDEMESH_TOKEN_FILE: tokenFile, CLAUDE_JOB_DIR: job } = env
  if (!home || !tokenFile) return undefined
  let flags: unknown
  try {
    flags = job && (await Bun.file(`${job}/state.json`).json()).respawnFlags
  } catch {
    // No job's folder: nothing says that the environment is another's.
  }
  if (!Array.isArray(flags)) return { home, tokenFile }
  const plugin = flags.map(flag => PLUGIN.exec(flag)).find(found => found !== null)
  return plugin ? { home: plugin[1]!, tokenFile: plugin[0].replace(/plugin$/, 'token') } : undefined
}
