/** The programs that Claude Code starts by itself, as command lines. */
import type { Command } from '@claudemesh/claude/start'

/**
 * Bun's own binary without the launcher, since these start often. Neither `.env` nor `bunfig.toml` of the folder Claude works in may
 * change what runs.
 */
const bunRun = (file: URL): Command => [
  process.execPath,
  '--no-env-file',
  '--no-install',
  '--config=/dev/null',
  Bun.fileURLToPath(file),
]

export const HOOK: Command = bunRun(new URL('./hook.ts', import.meta.url))
export const WAKER: Command = bunRun(new URL('./wake.ts', import.meta.url))
export const STATUS_LINE: Command = bunRun(new URL('./status-line.ts', import.meta.url))
export const RELAY_KEEPER: Command = bunRun(new URL('./keeper.ts', import.meta.url))
export const MCP_SERVER: Command = bunRun(new URL('../mcp/main.ts', import.meta.url))

/** Seconds the client waits for a hook; the hook itself gives up sooner. */
export const HOOK_TIMEOUT_SECONDS = 3
