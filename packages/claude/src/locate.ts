/** Finds the user's `claude` and its version; never installs or changes anything. */
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** What to tell a person who has no Claude Code. */
export const HOW_TO_INSTALL = 'install it with: npm install -g @anthropic-ai/claude-code'

/** Path of the client: `CLAUDE_BIN` if set (then nothing else is tried), else the first `claude` on PATH. */
export function locateClaude(env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (env.CLAUDE_BIN) return isExecutable(env.CLAUDE_BIN) ? env.CLAUDE_BIN : undefined
  const folders = (env.PATH ?? '').split(delimiter).filter(folder => folder !== '')
  return folders.map(folder => join(folder, 'claude')).find(isExecutable)
}

/** Version like `2.1.329` (answers in about 20 ms), or `undefined` if the binary does not say one in 5 s. By Bun: `launch` loads this file too. */
export function claudeVersion(path: string): string | undefined {
  try {
    const { stdout } = Bun.spawnSync([path, '--version'], { stderr: 'ignore', timeout: 5000 })
    return /^(\d+\.\d+\.\d+\S*)/.exec(stdout.toString())?.[1]
  } catch {
    return undefined
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
