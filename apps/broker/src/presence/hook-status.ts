/** A status told by a hook script: shown while it is fresh, worn like any other, never over what the session signed since. */
import { type DirectoryEntry, inferStatus, STATUS_LIMITS, type StatusLimits } from '@claudemesh/protocol'
import type { Settings } from '../settings.ts'

export const statusLimits = (settings: Settings): StatusLimits => ({
  ...STATUS_LIMITS,
  hookFreshMs: settings.HOOK_FRESH_WINDOW_SECONDS * 1000,
  workingTtlMs: settings.STATUS_TTL_SECONDS * 1000,
})

/** The entry as it is shown at `now`: a hook that is not fresh any more only stands where the session signed nothing. */
export function withHookStatus(entry: DirectoryEntry, now: number, limits: StatusLimits): DirectoryEntry {
  const { hook, presence } = entry
  if (hook === null) return entry
  if (presence !== null && (presence.at > hook.at || now - hook.at > limits.hookFreshMs))
    return { ...entry, hook: null }
  const { status, at } = inferStatus({ hook }, now, limits)
  return { ...entry, hook: { status, at } }
}
