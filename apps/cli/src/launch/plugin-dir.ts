/** Writes the plugin of one session: a folder only its user can read, with no key but the relay's own, gone when the session ends. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, pluginFiles } from '@claudemesh/claude'

/** Seconds; the hook itself gives up sooner. */
const HOOK_TIMEOUT_SECONDS = 3

/**
 * Bun's own binary without the launcher, since these start often. Neither `.env` nor `bunfig.toml` of the folder Claude works in may
 * change what runs.
 */
const bunRun = (file: URL): Command => [
  process.execPath,
  '--no-env-file',
  '--no-install',
  '--config=/dev/null',
  fileURLToPath(file),
]

/** Writes `<home>/run/<uuid>.plugin`, anew if one was left behind, and returns its path. `relay`: where hooks go. */
export function writePluginDir(home: string, uuid: string, relay: { url: string; token: string }): string {
  const dir = pluginDirOf(home, uuid)
  rmSync(dir, { recursive: true, force: true })
  makePrivate(dir)
  const parts = {
    hook: bunRun(new URL('./hook.ts', import.meta.url)),
    hookUrl: relay.url,
    hookToken: relay.token,
    hookTimeoutSeconds: HOOK_TIMEOUT_SECONDS,
    server: bunRun(new URL('../mcp/main.ts', import.meta.url)),
  }
  for (const [name, text] of Object.entries(pluginFiles(parts))) {
    const path = join(dir, name)
    makePrivate(dirname(path))
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' })
  }
  return dir
}

export const removePluginDir = (home: string, uuid: string): void =>
  rmSync(pluginDirOf(home, uuid), { recursive: true, force: true })

const pluginDirOf = (home: string, uuid: string): string => join(home, 'run', `${uuid}.plugin`)

/** 0700 whatever the umask. */
function makePrivate(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  chmodSync(dir, 0o700)
}
