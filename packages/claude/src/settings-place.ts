/** Where Claude Code's settings are, and what a launch needs of them. Loads no schemas. */
import { join } from 'node:path'
import { claudeConfigDir } from './config-dir.ts'

export type SettingsScope = 'user' | 'project' | 'local'
export const SETTINGS_SCOPES = ['user', 'project', 'local'] as const

type Env = Readonly<Record<string, string | undefined>>

/** Path of a scope's settings: the user's own, the project's shared ones, or one's own for the project in `cwd`. */
export function settingsFile(scope: SettingsScope, env: Env, cwd: string): string {
  if (scope === 'user') return join(claudeConfigDir(env), 'settings.json')
  return join(cwd, '.claude', scope === 'project' ? 'settings.json' : 'settings.local.json')
}

/** Settings of which the status line alone is known; the client says what it does not like of the rest. */
export interface BareSettings {
  readonly statusLine?: { readonly type?: string; readonly command?: string }
}

/** `text` without a byte order mark, as JSON, `{}` for an empty one. Throws where it is none. */
export function settingsJson(text: string): unknown {
  const bare = text.replace(/^\uFEFF/, '')
  return bare.trim() === '' ? {} : JSON.parse(bare)
}

/** What stands in a settings file. Throws an `Error` where it is no object, or its status line is none. */
export function bareSettings(text: string): BareSettings {
  const settings = settingsJson(text)
  if (!isObject(settings)) throw new Error('the whole: no object')
  const { statusLine } = settings
  if (statusLine === undefined) return settings
  if (!isObject(statusLine) || !isText(statusLine.type) || !isText(statusLine.command))
    throw new Error('statusLine: not understood')
  return settings
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: unknown): boolean => value === undefined || typeof value === 'string'
