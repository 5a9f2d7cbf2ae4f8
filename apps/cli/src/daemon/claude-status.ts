/** The status Claude writes of itself: its sessions file is exact and at once, so it goes before what hooks tell. */
import { claudeConfigDir, configDirOfTranscript, findRunning } from '@claudemesh/claude'
import type { PresenceStatus } from '@claudemesh/protocol'
import type { DaemonLog } from './log.ts'
import type { Seated, Sessions } from './sessions.ts'

const LOOK_MS = 1000
/** Claude's words (2.1.329); another word is no evidence. */
const STATUS: Readonly<Record<string, PresenceStatus>> = { idle: 'idle', busy: 'working', waiting: 'waiting' }

/** Where Claude keeps its process table, and the id its conversation has now. */
interface Place {
  readonly configDir: string
  readonly claudeId: string
}

export interface ClaudeStatus {
  /** A hook of the session names its conversation and, by the transcript, its folder. */
  heard(uuid: string, hook: { session_id: string; transcript_path?: string | undefined }): void
  stop(): void
}

export function watchClaudeStatus(sessions: Sessions, log: DaemonLog): ClaudeStatus {
  const places = new Map<string, Place>()
  const told = new Set<string>()
  const onUnknown = (what: string) => {
    if (!told.has(what)) log('adapter.unknown', { what })
    told.add(what)
  }
  const look = ({ row }: Seated): { status: PresenceStatus; at: number } | undefined => {
    const { configDir, claudeId } = places.get(row.uuid) ?? {
      configDir: claudeConfigDir(process.env),
      claudeId: row.uuid,
    }
    const running = findRunning(configDir, claudeId, onUnknown)
    const status = STATUS[running?.status ?? '']
    return status && running?.statusUpdatedAt !== undefined
      ? { status, at: running.statusUpdatedAt }
      : undefined
  }
  const timer = setInterval(() => {
    for (const seat of sessions.all()) {
      if (!seat.row.open || seat.row.kind !== 'claude') continue
      const seen = look(seat)
      if (seen && seen.at > seat.row.statusAt) sessions.observe(seat, seen.status, 'sessions-file')
    }
  }, LOOK_MS)
  return {
    heard: (uuid, { session_id, transcript_path }) => {
      const configDir = transcript_path === undefined ? undefined : configDirOfTranscript(transcript_path)
      if (configDir !== undefined) places.set(uuid, { configDir, claudeId: session_id })
    },
    stop: () => clearInterval(timer),
  }
}
