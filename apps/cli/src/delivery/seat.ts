/** What delivery knows of one mesh session and the Claude process that sits in it; follows the process when its id changes. */
import {
  configDirOfTranscript,
  cursorAtEnd,
  findTranscript,
  type HookPayload,
  type TranscriptCursor,
} from '@claudemesh/claude'

export type DeliverMode = 'push' | 'inbox' | 'off'

/** Messages handed to the client together and not yet proven to have been read. */
export interface Flight {
  readonly ids: readonly string[]
  readonly via: 'socket' | 'context'
  readonly since: number
  /** The client took it into the conversation (UserPromptSubmit or transcript): it will stand in the next request. */
  taken: boolean
  /** UserPromptSubmit held it and no other prompt came since: a Stop now proves it. */
  latestPrompt: boolean
}

export interface Seat {
  /** The mesh session's UUID. */
  readonly uuid: string
  readonly deliver: DeliverMode
  /** The id the Claude process has now: `/clear` changes it and keeps the seat. */
  claudeId: string
  configDir: string
  /** The process went to another conversation (`/resume`, `/branch`): nothing is given until it is back. */
  away: boolean
  cursor: TranscriptCursor | undefined
  flights: Flight[]
  /** How often each message was handed over without proof. */
  readonly tries: Map<string, number>
  /** Pushes were not confirmed: hooks carry the messages until the next start. */
  socketDoubted: boolean
  /** Pushes in a row that found nobody at the socket: one alone may be a client that is still starting. */
  refused: number
  /** Looks in a row that found no live process: one alone may be a torn read. */
  missed: number
}

export const openSeat = (session: Pick<Seat, 'uuid' | 'claudeId' | 'deliver' | 'configDir'>): Seat => ({
  ...session,
  away: false,
  cursor: undefined,
  flights: [],
  tries: new Map(),
  socketDoubted: false,
  refused: 0,
  missed: 0,
})

/** Takes over what a hook tells of id and paths; `false` if the hook is not of the conversation this seat serves. */
export function follow(seat: Seat, hook: HookPayload): boolean {
  if (hook.hook_event_name === 'SessionStart') {
    if (hook.source === 'clear' && !seat.away) changeId(seat, hook.session_id)
    seat.away = hook.session_id !== seat.claudeId
    seat.socketDoubted = false
    seat.refused = 0
  }
  if (hook.session_id !== seat.claudeId) return false
  if (hook.transcript_path !== undefined && seat.cursor?.path !== hook.transcript_path) {
    seat.configDir = configDirOfTranscript(hook.transcript_path) ?? seat.configDir
    seat.cursor = cursorAtEnd(hook.transcript_path)
  }
  return true
}

/** A new conversation in the same process: what stood unproven in the old one is not in this one. */
function changeId(seat: Seat, claudeId: string): void {
  seat.claudeId = claudeId
  seat.flights = []
  seat.cursor = undefined
}

/** The reader of the conversation's transcript; found on disk if no hook has named it yet. */
export function cursorOf(seat: Seat): TranscriptCursor | undefined {
  if (seat.cursor === undefined) {
    const path = findTranscript(seat.configDir, seat.claudeId)
    if (path !== undefined) seat.cursor = { path, offset: 0, given: [] }
  }
  return seat.cursor
}
