/** What delivery knows of one mesh session and the Claude process that sits in it; follows the process when its id changes. */
import {
  configDirOfTranscript,
  cursorAtEnd,
  cursorAtStart,
  findTranscript,
  type HookPayload,
  type TranscriptCursor,
} from '@claudemesh/claude'
import { PushPace } from './push-pace.ts'
import { type Health, type Rung, untriedRungs, type Way } from './rungs.ts'

/** Messages handed to the client together and not yet proven to have been read. */
export interface Flight {
  readonly ids: readonly string[]
  readonly via: Way
  readonly since: number
  /** The process in whose queue it may be; in another it is not. */
  readonly pid?: number | undefined
  /**
   * When the conversation took it (ms since 1970), if that was before this seat: a process that started later goes on with the
   * conversation, but not with that turn.
   */
  readonly givenAt?: number | undefined
  /** The client took it into the conversation (UserPromptSubmit or transcript): it will stand in the next request. */
  taken: boolean
  /** UserPromptSubmit held it and no other prompt came since: a Stop now proves it. */
  latestPrompt: boolean
}

export interface Seat {
  /** The mesh session's UUID. */
  readonly uuid: string
  readonly openedAt: number
  /** The id the Claude process has now: `/clear` changes it and keeps the seat. */
  claudeId: string
  configDir: string
  /** The process went to another conversation (`/resume`, `/branch`): nothing is given until it is back. */
  away: boolean
  cursor: TranscriptCursor | undefined
  flights: Flight[]
  /** How often each message was handed over without proof. */
  readonly tries: Map<string, number>
  /** What is known of each rung since the process started. */
  rungs: Record<Rung, Health>
  readonly pace: PushPace
  /** Pushes in a row that found nobody at the socket: one alone may be a client that is still starting. */
  refused: number
  /** Its sessions file was seen: where it is gone now, so is the process. */
  seen: boolean
  /** Looks in a row that found no live process: one alone may be a torn read. */
  missed: number
  /** A hook of it came since the process started. */
  hooked: boolean
  /** When its turn ended (ms since 1970), if a Stop was the last of its hooks. */
  stoppedAt: number | undefined
  /** Ends the asyncRewake hook that waits: with words it wakes the session, without it goes. */
  waiter: ((words?: string) => void) | undefined
  /** In mode `inbox`: messages whose number was told. */
  readonly announced: Set<string>
}

export const openSeat = (session: Pick<Seat, 'uuid' | 'claudeId' | 'configDir' | 'openedAt'>): Seat => ({
  ...session,
  away: false,
  cursor: undefined,
  flights: [],
  tries: new Map(),
  rungs: untriedRungs(),
  pace: new PushPace(),
  refused: 0,
  seen: false,
  missed: 0,
  hooked: false,
  stoppedAt: undefined,
  waiter: undefined,
  announced: new Set(),
})

/** Takes over what a hook tells at `now` of id, paths and turn; `false` if the hook is not of the conversation this seat serves. */
export function follow(seat: Seat, hook: HookPayload, now: number): boolean {
  if (hook.hook_event_name === 'SessionStart') {
    if (hook.source === 'clear' && !seat.away) changeId(seat, hook.session_id)
    seat.away = hook.session_id !== seat.claudeId
    if (hook.source !== 'compact') {
      seat.refused = 0
      seat.rungs = untriedRungs()
    }
  }
  if (hook.session_id !== seat.claudeId) return false
  seat.hooked = true
  if (hook.agent_id === undefined) seat.stoppedAt = hook.hook_event_name === 'Stop' ? now : undefined
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
    if (path !== undefined) seat.cursor = cursorAtStart(path)
  }
  return seat.cursor
}
