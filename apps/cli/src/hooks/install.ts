/**
 * Puts our hooks into a settings file of Claude Code and takes them out again. What stood there before is kept in the home, so that
 * a file nobody else has changed since becomes what it was, byte for byte.
 */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type InstalledPrograms, withHooks, withoutHooks } from '@claudemesh/claude'
import { MeshError } from '@claudemesh/protocol/errors'
import { z } from 'zod'
import { readIfThere, readSecretJson, writeSecretFile } from '../home/index.ts'
import { HOOK_TIMEOUT_SECONDS } from '../launch/programs.ts'
import { replaceFile } from './replace-file.ts'

/** What was done to a settings file. */
export interface Installed {
  readonly path: string
  readonly changed: boolean
  /** Where what stood there before is kept, 0600; `null` where there was no file. */
  readonly backup: string | null
}

const record = z.strictObject({
  path: z.string(),
  /** What stood there before; `null`: no file. */
  before: z.string().nullable(),
  /** SHA-256 of what we wrote, hex. */
  after: z.string(),
})

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')
const kept = (home: string, path: string, what: string): string =>
  join(home, 'hooks', `${hashOf(path).slice(0, 16)}.${what}.json`)

/** Throws `conflict` for a file that the client itself would not load or that says twice where our hooks stand, `forbidden` for one that cannot be written. */
export function installHooks(home: string, path: string, programs: InstalledPrograms): Installed {
  const before = readIfThere(path)
  const after = understood(path, () => withHooks(before ?? '', programs, HOOK_TIMEOUT_SECONDS))
  const backup = kept(home, path, 'before')
  if (after === before)
    return { path, changed: false, backup: readIfThere(backup) === undefined ? null : backup }
  const known = readSecretJson(kept(home, path, 'record'), record)
  // Ours of an earlier version are no part of what was there before.
  const unchanged = known !== undefined && before !== undefined && hashOf(before) === known.after
  const original = unchanged ? known.before : before === undefined ? null : withoutHooks(before)
  if (original !== null) writeSecretFile(backup, original)
  writeSecretFile(
    kept(home, path, 'record'),
    JSON.stringify({ path, before: original, after: hashOf(after) } satisfies z.output<typeof record>),
  )
  replaceFile(path, after)
  return { path, changed: true, backup: original === null ? null : backup }
}

/** Throws as `installHooks`. */
export function uninstallHooks(home: string, path: string): Installed {
  const before = readIfThere(path)
  const known = readSecretJson(kept(home, path, 'record'), record)
  let changed = false
  if (before !== undefined) {
    const asItWas = known !== undefined && hashOf(before) === known.after ? known.before : undefined
    const after = asItWas === undefined ? understood(path, () => withoutHooks(before)) : asItWas
    changed = after !== before
    if (after === null) rmSync(path)
    else if (changed) replaceFile(path, after)
  }
  for (const what of ['record', 'before']) rmSync(kept(home, path, what), { force: true })
  return { path, changed, backup: null }
}

function understood(path: string, change: () => string): string {
  try {
    return change()
  } catch (cause) {
    throw new MeshError(
      'conflict',
      `${path} is left as it is (${(cause as Error).message}). Mend it, then try again.`,
      { cause },
    )
  }
}
