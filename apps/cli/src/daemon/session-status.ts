/**
 * What is known of each open session and what follows from it: hooks and scripts tell, Claude's own sessions file is exact, the
 * transcript and the process table speak where that file is missing. Published when it changes.
 */
import {
  claudeConfigDir,
  configDirOfTranscript,
  findTranscript,
  nameByUser,
  newestOf,
  type RunningSession,
  SessionsFolder,
  startedChildSince,
  type TranscriptStatus,
  transcriptStatus,
} from '@claudemesh/claude'
import {
  type InferredStatus,
  inferStatus,
  LIMITS,
  type PresenceStatus,
  type Said,
  STATUS_LIMITS,
  type StatusEvidence,
} from '@claudemesh/protocol'
import { claudeIdOf } from './claude-id.ts'
import type { Seated } from './known-sessions.ts'
import type { DaemonLog } from './log.ts'
import type { ProcessTable } from './process-table.ts'
import type { Sessions } from './sessions.ts'
import type { SessionRow } from './store/session-rows.ts'

/** A transcript that no hook has named is looked for this often at most. */
const SEARCH_MS = 10_000
/** Claude's words (2.1.329); another word is no evidence. */
const FILE_STATUS: Readonly<Record<string, PresenceStatus>> = {
  idle: 'idle',
  busy: 'working',
  waiting: 'waiting',
}
/** What each event says of the session (claude-code.md: a turn begins with the prompt and ends with Stop). */
const HOOK_STATUS: Readonly<Record<string, PresenceStatus>> = {
  SessionStart: 'idle',
  UserPromptSubmit: 'working',
  PreToolUse: 'working',
  PostToolUse: 'working',
  PermissionRequest: 'waiting',
  Stop: 'idle',
  StopFailure: 'idle',
  SessionEnd: 'idle',
}

interface Hook {
  readonly hook_event_name: string
  readonly transcript_path?: string | undefined
  /** SessionStart: startup, resume, clear, compact, fork. */
  readonly source?: string | undefined
}

/** What is known of one session since it was opened. */
interface Known {
  /** Of the names that its user gives it in the client (`/rename`), later ones are followed; ms since 1970. */
  namedAt: number
  configDir: string
  /** The id its conversation has now. */
  claudeId: string
  transcript: { path: string; read?: TranscriptStatus } | undefined
  searchedAt: number
  hook: StatusEvidence['hook']
  file: (Said & { seenAt: number }) | undefined
  /** Since when its terminal shows a background session in its place, ms since 1970. */
  parkedAt: number | undefined
  runningAt: number
  /** More than one process ran it when it was last counted. */
  isTwice: boolean
  /** What its status was last found in alone; the same again finds the same. */
  settled: { readonly row: SessionRow; readonly running: RunningSession } | undefined
}

export class SessionStatus {
  readonly #sessions: Sessions
  readonly #now: () => number
  readonly #known = new Map<string, Known>()
  readonly #folders = new Map<string, SessionsFolder>()
  readonly #onUnknown: (what: string) => void
  readonly #onTwice: (seat: Seated) => void
  readonly #processes: ProcessTable

  /** `onTwice`: told when a second process runs a session, and when one is left. */
  constructor(o: {
    sessions: Sessions
    processes: ProcessTable
    log: DaemonLog
    now: () => number
    onTwice: (seat: Seated) => void
  }) {
    this.#sessions = o.sessions
    this.#onTwice = o.onTwice
    this.#now = o.now
    this.#processes = o.processes
    const told = new Set<string>()
    this.#onUnknown = what => {
      if (!told.has(what)) o.log('adapter.unknown', { what })
      told.add(what)
    }
  }

  /** A session begins or ends: what was known of an earlier process says nothing of the next. */
  forget(uuid: string): void {
    this.#known.delete(uuid)
  }

  /** A hook of the session: of its conversation, of its folder, and mostly of its turn. */
  hook(uuid: string, { transcript_path, hook_event_name, source }: Hook): void {
    const known = this.#of(uuid)
    if (transcript_path !== undefined && transcript_path !== known.transcript?.path) {
      known.configDir = configDirOfTranscript(transcript_path) ?? known.configDir
      known.transcript = { path: transcript_path }
    }
    const status = HOOK_STATUS[hook_event_name]
    // The client does not wait for the hook of its own start: a prompt may have overtaken it.
    const isOvertaken = hook_event_name === 'SessionStart' && source === 'startup' && known.hook !== undefined
    if (status !== undefined && !isOvertaken) this.set(uuid, status)
  }

  /** What a hook script says of it. True where the session is open. */
  set(uuid: string, status: PresenceStatus): boolean {
    const seats = this.#sessions.byUuid(uuid).filter(({ row }) => row.open)
    if (seats.length === 0) return false
    const known = this.#of(uuid)
    known.hook = { status, at: this.#now() }
    known.settled = undefined
    for (const seat of seats) this.#settle(seat, undefined)
    return true
  }

  /** Looks at what nobody tells, to be called every second: files and processes of every open session. */
  look(): void {
    const folders = new Map<string, RunningSession[]>()
    for (const seat of this.#sessions.allOpen())
      if (seat.row.kind === 'claude') this.#lookAt(seat, folders)
      else this.#settle(seat, undefined)
  }

  /** `folders`: what was found in this look, by config folder. */
  #lookAt(seat: Seated, folders: Map<string, RunningSession[]>): void {
    const known = this.#of(seat.row.uuid)
    known.claudeId = claudeIdOf(seat.row)
    const all = folders.get(known.configDir) ?? this.#running(known)
    folders.set(known.configDir, all)
    const ours = all.filter(({ sessionId }) => sessionId === known.claudeId)
    const running = newestOf(ours, known.claudeId)
    this.#count(seat, known, ours)
    if (this.#stands(seat, known, running)) return
    const given = running && nameByUser(running)
    if (given && given.since > known.namedAt) {
      known.namedAt = given.since
      // As it was before: it settles with the next look.
      this.#sessions.rename(seat, given.name)
      return
    }
    this.#read(seat, known, running)
    const found = this.#settle(seat, running?.status === 'waiting' ? running.waitingFor : undefined)
    const byFile = found.source === 'sessions-file' && found.status === known.file?.status
    const isHookOver = known.hook === undefined || this.#now() - known.hook.at > STATUS_LIMITS.hookFreshMs
    known.settled = running && byFile && isHookOver ? { row: seat.row, running } : undefined
  }

  /** True where the file alone told its status and neither it nor the session has changed since: it is as fresh as it was. */
  #stands({ row }: Seated, known: Known, running: RunningSession | undefined): boolean {
    const { settled, file } = known
    if (file === undefined || settled?.running !== running || settled?.row !== row) return false
    file.seenAt = this.#now()
    return true
  }

  /** Pids of the living processes that run the session at this moment, by Claude's own files. */
  processesOf(uuid: string): number[] {
    const seat = this.#sessions.byUuid(uuid).find(({ row }) => row.open && row.kind === 'claude')
    if (seat === undefined) return []
    const known = this.#of(uuid)
    const ours = this.#running(known).filter(({ sessionId }) => sessionId === claudeIdOf(seat.row))
    this.#count(seat, known, ours)
    return ours.map(({ pid }) => pid)
  }

  #running({ configDir }: Known): RunningSession[] {
    const folder = this.#folders.get(configDir) ?? this.#newFolder(configDir)
    this.#folders.set(configDir, folder)
    return folder.running()
  }

  #newFolder(configDir: string): SessionsFolder {
    return new SessionsFolder(configDir, this.#onUnknown, pid => this.#processes.startOf(pid))
  }

  /** `ours`: the processes that run it. */
  #count(seat: Seated, known: Known, ours: readonly RunningSession[]): void {
    const isTwice = ours.length > 1
    if (isTwice === known.isTwice) return
    known.isTwice = isTwice
    this.#onTwice(seat)
  }

  #read({ row }: Seated, known: Known, running: RunningSession | undefined): void {
    const now = this.#now()
    known.parkedAt = running?.parkedJobId === undefined ? undefined : (known.parkedAt ?? now)
    if (known.parkedAt !== undefined) {
      known.file = { status: 'closed', at: known.parkedAt, seenAt: now }
      return
    }
    const status = FILE_STATUS[running?.status ?? '']
    if (status !== undefined && running?.statusUpdatedAt !== undefined) {
      known.file = { status, at: running.statusUpdatedAt, seenAt: now }
      return
    }
    this.#readTranscript(known)
    known.runningAt = Math.max(known.runningAt, known.transcript?.read?.grewAt ?? 0)
    const since = known.hook?.status === 'working' ? known.hook.at : known.transcript?.read?.at
    const worn =
      since !== undefined && now - Math.max(since, known.runningAt) > STATUS_LIMITS.workingTtlMs / 2
    if (worn && row.pid !== null && startedChildSince(row.pid, since)) known.runningAt = now
  }

  #readTranscript(known: Known): void {
    if (known.transcript === undefined) {
      if (this.#now() - known.searchedAt < SEARCH_MS) return
      known.searchedAt = this.#now()
      const path = findTranscript(known.configDir, known.claudeId)
      if (path === undefined) return
      known.transcript = { path }
    }
    const read = transcriptStatus(known.transcript.path, known.transcript.read)
    if (read !== undefined) known.transcript.read = read
  }

  #settle(seat: Seated, waitingFor: string | undefined): InferredStatus {
    const { row } = seat
    const known = this.#known.get(row.uuid)
    const manual = row.statusSource === 'manual' ? { status: row.status, at: row.statusAt } : undefined
    const found = inferStatus(
      {
        manual,
        sessionsFile: known?.file,
        hook: known?.hook,
        transcript: known?.transcript?.read,
        runningAt: known?.runningAt,
      },
      this.#now(),
    )
    const { status, source, at } = found
    if (status === 'unknown') {
      this.#wear(seat)
      return found
    }
    const what = status === 'waiting' ? (waitingFor ?? '').slice(0, LIMITS.nameChars) : ''
    if (status !== row.status || (what !== '' && what !== this.#sessions.waitingFor(seat)))
      this.#sessions.setStatus(seat, { status, source, at, waitingFor: what })
    return found
  }

  /** An earlier life of the daemon said so, and nothing is known of it since: it wears out like what was told now. */
  #wear(seat: Seated): void {
    const { status: stood, statusAt, statusSource: source } = seat.row
    const { status, at } = inferStatus({ hook: { status: stood, at: statusAt } }, this.#now())
    if (status !== stood) this.#sessions.setStatus(seat, { status, source, at, waitingFor: '' })
  }

  #of(uuid: string): Known {
    const known = this.#known.get(uuid) ?? {
      namedAt: this.#now(),
      configDir: claudeConfigDir(process.env),
      claudeId: uuid,
      transcript: undefined,
      searchedAt: 0,
      hook: undefined,
      file: undefined,
      parkedAt: undefined,
      runningAt: 0,
      isTwice: false,
      settled: undefined,
    }
    this.#known.set(uuid, known)
    return known
  }
}
