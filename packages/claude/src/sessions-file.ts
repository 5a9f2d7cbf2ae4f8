/** Reads `<config>/sessions/<pid>.json`, Claude's own process table: which session runs, how it stands, where its socket is. */
import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseAs } from '@claudemesh/protocol'
import { z } from 'zod'

/** Fields as seen in 2.1.329; sessions of the SDK may carry no status. `kind` is not reliable and not read. */
const sessionsFile = z.looseObject({
  pid: z.int().positive(),
  sessionId: z.string(),
  procStart: z.union([z.string(), z.number()]).optional(),
  /** ms since 1970; a conversation may be older than the process that goes on with it. A hint: nothing is refused for want of it. */
  startedAt: z.number().optional().catch(undefined),
  cwd: z.string().optional(),
  version: z.string().optional(),
  messagingSocketPath: z.string().startsWith('/').optional(),
  status: z.string().optional(),
  statusUpdatedAt: z.number().optional(),
  waitingFor: z.string().optional(),
  name: z.string().optional(),
  /** `user` for one that its user gave (`/rename`); `nameSince`: when, ms since 1970. */
  nameSource: z.string().optional(),
  nameSince: z.number().optional(),
  /** Of a background session: its folder under `jobs`. */
  jobId: z.string().optional(),
  /** Its terminal shows this job instead: the conversation went on there, and nothing that comes here is read. */
  parkedJobId: z.string().optional(),
})
export type RunningSession = z.output<typeof sessionsFile>

/** Told once per kind of record, hook or field that this version of ours does not know; nothing ever fails on one. */
export type OnUnknown = (what: string) => void

/**
 * The live session of this id (the newest, if two processes hold it), or `undefined`. A process that ended without
 * cleaning up (kill -9) or whose pid now belongs to another does not count. A torn read is tried once more.
 * `.key` files beside are never opened.
 */
export function findRunning(
  configDir: string,
  sessionId: string,
  onUnknown: OnUnknown,
): RunningSession | undefined {
  return newestOf(runningSessions(configDir, onUnknown), sessionId)
}

/** The one of this id among `running`: the newest, if two processes hold it. */
export const newestOf = (running: readonly RunningSession[], sessionId: string): RunningSession | undefined =>
  running
    .filter(session => session.sessionId === sessionId)
    .sort((a, b) => (b.statusUpdatedAt ?? 0) - (a.statusUpdatedAt ?? 0))[0]

/** What `/branch` makes of a conversation's title: the file says of it too that its user gave it. */
const BRANCH = / \(Branch(?: \d+)?\)$/

/** The name its user gave it in the client, and when (ms since 1970); `undefined` where it has none but what the client made up. */
export function nameByUser({
  name = '',
  nameSource,
  nameSince = 0,
}: RunningSession): { name: string; since: number } | undefined {
  return nameSource === 'user' && !BRANCH.test(name) ? { name, since: nameSince } : undefined
}

/** Every live session of this config folder; none where the folder is missing. */
export const runningSessions = (configDir: string, onUnknown: OnUnknown): RunningSession[] =>
  new SessionsFolder(configDir, onUnknown).running()

/** A file written this long before it was read, ms, has another time stamp when it is written again. */
const SETTLED_MS = 1000

const NAME = /^\d+\.json$/

/** When a living process started, as `procStart` has it; `undefined` where nobody can tell. */
export type StartOf = (pid: number) => string | undefined

interface Kept {
  readonly path: string
  /** As it was read, once no later change could bear the same times. */
  settled: { readonly stat: Stats; readonly session: RunningSession } | undefined
}

/** The same for who looks again and again: a file that has not changed is not read again, and its session is the same object. */
export class SessionsFolder {
  readonly #folder: string
  readonly #onUnknown: OnUnknown
  readonly #startOf: StartOf
  readonly #kept = new Map<string, Kept>()

  constructor(configDir: string, onUnknown: OnUnknown, startOf: StartOf = processStart) {
    this.#folder = join(configDir, 'sessions')
    this.#onUnknown = onUnknown
    this.#startOf = startOf
  }

  running(): RunningSession[] {
    const names = namesIn(this.#folder)
    const running: RunningSession[] = []
    for (const name of names) {
      const session = NAME.test(name) ? this.#read(name) : undefined
      if (session !== undefined && isAlive(session, this.#startOf)) running.push(session)
    }
    if (this.#kept.size > names.length)
      for (const name of this.#kept.keys()) if (!names.includes(name)) this.#kept.delete(name)
    return running
  }

  #read(name: string): RunningSession | undefined {
    let kept = this.#kept.get(name)
    if (kept === undefined) {
      kept = { path: join(this.#folder, name), settled: undefined }
      this.#kept.set(name, kept)
    }
    const { path, settled } = kept
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat !== undefined && settled !== undefined && isSame(stat, settled.stat)) return settled.session
    const session = stat && readOne(path, this.#onUnknown)
    const isSettled = stat !== undefined && Date.now() - Math.max(stat.mtimeMs, stat.ctimeMs) > SETTLED_MS
    kept.settled = session !== undefined && isSettled ? { stat, session } : undefined
    return session
  }
}

const isSame = (a: Stats, b: Stats): boolean =>
  a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function readOne(path: string, onUnknown: OnUnknown): RunningSession | undefined {
  for (let attempt = 0; attempt < 2; attempt++) {
    let json: unknown
    try {
      json = JSON.parse(readFileSync(path, 'utf8'))
    } catch {
      continue
    }
    const parsed = parseAs(sessionsFile, json)
    if (parsed.success) return parsed.data
    onUnknown('sessions-file')
    return undefined
  }
  return undefined
}

/** Alive by pid and, where /proc tells it (Linux), by the same start time. */
function isAlive({ pid, procStart }: RunningSession, startOf: StartOf): boolean {
  const started = startOf(pid)
  if (started !== undefined) return procStart === undefined || String(procStart) === started
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Field 22 of `/proc/<pid>/stat`, counted after the name in parentheses, which may itself hold spaces (proc(5)). */
export function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
