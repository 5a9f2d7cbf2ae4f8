/**
 * The one `--settings` a launched claude gets: what the user gave, and our status line around theirs. Of two, the client would take
 * the last alone (2.1.329); a status line in a plugin is not taken at all.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  type BareSettings,
  bareSettings,
  type Command,
  SETTINGS_SCOPES,
  settingsFile,
  shellCommand,
} from '@claudemesh/claude/start'

/** Seconds between two looks at the unread count of a session in which nothing happens. */
const REFRESH_SECONDS = 10

interface Place {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

export interface SettingsArgument {
  /** What goes into the file that `--settings` names; `undefined`: no file, the client's arguments stay as they are. */
  readonly settings: object | undefined
  /** The client's own arguments without what has gone into `settings`. */
  readonly rest: readonly string[]
}

/** `line`: the program that prints our status line. Settings that cannot be read are left to the client, which says why. */
export function settingsArgument(extra: readonly string[], line: Command, place: Place): SettingsArgument {
  const { given, rest } = taken(extra)
  const theirs = given === undefined ? {} : read(given, place)
  if (theirs === undefined) return { settings: undefined, rest: extra }
  const own = theirs.statusLine ?? ownStatusLine(place)
  const then = own?.command === undefined ? [] : [`--then=${own.command}`]
  const statusLine = {
    refreshInterval: REFRESH_SECONDS,
    ...own,
    type: 'command',
    command: shellCommand([...line, ...then]),
  }
  return { settings: { ...theirs, statusLine }, rest }
}

/** The last `--settings` among the arguments, as the client takes it, and all others. */
function taken(extra: readonly string[]): { given: string | undefined; rest: string[] } {
  const rest: string[] = []
  let given: string | undefined
  for (let n = 0; n < extra.length; n++) {
    const argument = extra[n]!
    if (argument === '--settings' && extra[n + 1] !== undefined) given = extra[++n]
    else if (argument.startsWith('--settings=')) given = argument.slice('--settings='.length)
    else rest.push(argument)
  }
  return { given, rest }
}

function read(given: string, { cwd }: Place): BareSettings | undefined {
  try {
    return bareSettings(given.trimStart().startsWith('{') ? given : readFileSync(resolve(cwd, given), 'utf8'))
  } catch {
    return undefined
  }
}

/** The nearest scope that has one decides, as in the client. */
function ownStatusLine({ env, cwd }: Place): BareSettings['statusLine'] {
  for (const scope of [...SETTINGS_SCOPES].reverse()) {
    const found = read(settingsFile(scope, env, cwd), { env, cwd })?.statusLine
    if (found !== undefined) return found
  }
  return undefined
}
