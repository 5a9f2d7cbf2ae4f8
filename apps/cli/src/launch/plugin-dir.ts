/** Writes the plugin of one session: a folder only its user can read, with no key but the relay's own, gone when the session ends. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pluginFiles } from '@claudemesh/claude/start'
import { HOOK, HOOK_TIMEOUT_SECONDS, MCP_SERVER, WAKER } from './programs.ts'

/** `<home>/run/<name>.plugin`, beside the session's `<name>.token`. */
export const pluginDirOf = (tokenFile: string): string => tokenFile.replace(/token$/, 'plugin')

/**
 * Writes it, anew if one was left behind, and returns its path. `relay`: where hooks go. `onTerminal`: the client may have one, and
 * what waits to wake the session is started there alone. `isPrompted`: its prompt comes with its start.
 */
export function writePluginDir(
  tokenFile: string,
  relay: { url: string; token: string },
  { onTerminal = true, isPrompted = false } = {},
): string {
  const dir = pluginDirOf(tokenFile)
  removePluginDir(dir)
  makePrivate(dir)
  const parts = {
    hook: HOOK,
    hookUrl: relay.url,
    hookToken: relay.token,
    hookTimeoutSeconds: HOOK_TIMEOUT_SECONDS,
    waker: onTerminal ? WAKER : undefined,
    isPrompted,
    server: MCP_SERVER,
  }
  for (const [name, text] of Object.entries(pluginFiles(parts))) {
    const path = join(dir, name)
    makePrivate(dirname(path))
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' })
  }
  return dir
}

/** Writes `settings.json` beside the plugin and returns its path. */
export function writeSettings(pluginDir: string, settings: object): string {
  const path = join(pluginDir, 'settings.json')
  writeFileSync(path, `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  return path
}

export const removePluginDir = (dir: string): void => rmSync(dir, { recursive: true, force: true })

/** 0700 whatever the umask. */
function makePrivate(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  chmodSync(dir, 0o700)
}
