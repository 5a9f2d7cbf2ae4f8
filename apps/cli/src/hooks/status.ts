/** What is installed where, and what keeps it from working. */
import { readFileSync } from 'node:fs'
import {
  type ClaudeSettings,
  claudeConfigDir,
  hooksInstalled,
  type InstalledPrograms,
  mcpServer,
  readSettings,
  runningSessions,
  SETTINGS_SCOPES,
  type SettingsScope,
  settingsFile,
  withHooks,
} from '@claudemesh/claude'
import { readIfThere } from '../home/index.ts'
import { HOOK_TIMEOUT_SECONDS } from '../launch/programs.ts'
import { hookPrograms, MCP_NAME } from './programs.ts'

type Env = Readonly<Record<string, string | undefined>>

export interface ScopeStatus {
  readonly scope: SettingsScope
  readonly path: string
  /** `outdated`: ours, of another version or another home; `unreadable`: the client does not load this file. */
  readonly hooks: 'installed' | 'outdated' | 'none' | 'unreadable'
  readonly why: string | null
}

export interface HooksStatus {
  readonly scopes: readonly ScopeStatus[]
  readonly mcp: { readonly user: boolean; readonly local: boolean }
  /** What switches hooks off, in words; empty where nothing does. */
  readonly off: readonly string[]
}

/** Flags of claude that leave hooks and MCP servers of the settings unloaded. */
const DEAF = ['--bare', '--safe-mode']
const MANAGED = '/etc/claude-code/managed-settings.json'

export function hooksStatus(home: string, env: Env, cwd: string): HooksStatus {
  const off: string[] = []
  const scopes = SETTINGS_SCOPES.map((scope): ScopeStatus => {
    const path = settingsFile(scope, env, cwd)
    try {
      const text = readIfThere(path)
      if (text === undefined) return { scope, path, hooks: 'none', why: null }
      off.push(...switchedOff(path, readSettings(text)))
      const [[command] = []] = hooksInstalled(text).values()
      const ours = command !== undefined
      const programs = hookPrograms(home, / '--mesh=([^']*)'/.exec(command ?? '')?.[1])
      const current = ours && standsSo(text, programs)
      return { scope, path, hooks: current ? 'installed' : ours ? 'outdated' : 'none', why: null }
    } catch (error) {
      return { scope, path, hooks: 'unreadable', why: (error as Error).message }
    }
  })
  try {
    off.push(...switchedOff(MANAGED, readSettings(readIfThere(MANAGED) ?? '')))
  } catch {
    // Not ours to read or to judge: the client says so itself.
  }
  const has = (scope: 'user' | 'local') => mcpServer(MCP_NAME, scope, env, cwd) !== undefined
  return { scopes, mcp: { user: has('user'), local: has('local') }, off: [...off, ...deafSessions(env)] }
}

/** Where a name stands twice, putting in is refused: what stands there is none of what would be put in. */
function standsSo(text: string, programs: InstalledPrograms): boolean {
  try {
    return withHooks(text, programs, HOOK_TIMEOUT_SECONDS) === text
  } catch {
    return false
  }
}

function switchedOff(path: string, { disableAllHooks, allowManagedHooksOnly }: ClaudeSettings): string[] {
  return [
    ...(disableAllHooks === true ? [`${path} says disableAllHooks: no hook runs`] : []),
    ...(allowManagedHooksOnly === true ? [`${path} says allowManagedHooksOnly: no hook of yours runs`] : []),
  ]
}

/** Sessions that run now without hooks. Linux only: where a process does not tell its arguments, nothing is known. */
function deafSessions(env: Env): string[] {
  return runningSessions(claudeConfigDir(env), () => {}).flatMap(({ pid }) => {
    const flag = argumentsOf(pid).find(argument => DEAF.includes(argument))
    return flag === undefined ? [] : [`the claude of process ${pid} runs with ${flag}: it loads no hooks`]
  })
}

function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}
