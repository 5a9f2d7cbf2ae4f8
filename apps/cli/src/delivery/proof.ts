/** Decides what is proven to have stood in the model's context: by hooks in their order, or by the transcript. */
import { type HookPayload, type OnUnknown, readSurfaced } from '@claudemesh/claude'
import { idsFramedIn } from './frame.ts'
import { WORKS } from './rungs.ts'
import { cursorOf, type Flight, type Seat } from './seat.ts'

export interface Proven {
  readonly ids: string[]
  readonly proof: 'hook' | 'transcript'
}

/**
 * What the transcript proves since the last look: a record that gave the text, followed by an answer of the model that is no
 * error. Marks flights that are given and not answered yet as taken.
 */
export function provenByTranscript(seat: Seat, onUnknown: OnUnknown): Proven | undefined {
  const cursor = cursorOf(seat)
  if (cursor === undefined || seat.flights.length === 0) return undefined
  const isOurs = (text: string) => idsFramedIn(text).length > 0
  const answered = new Set(readSurfaced(cursor, onUnknown, isOurs).flatMap(idsFramedIn))
  const given = new Set(cursor.given.flatMap(({ text }) => idsFramedIn(text)))
  for (const flight of seat.flights)
    if (flight.ids.some(id => given.has(id) || answered.has(id))) take(seat, flight)
  return land(seat, id => answered.has(id), 'transcript')
}

/**
 * What a hook proves by itself: UserPromptSubmit with the pushed text, then Stop of the same turn. Another prompt between, a
 * failed or an interrupted turn prove nothing: then the transcript has to.
 */
export function provenByHook(seat: Seat, hook: HookPayload): Proven | undefined {
  if (hook.agent_id !== undefined) return undefined
  if (hook.hook_event_name === 'UserPromptSubmit') {
    const shown = new Set(idsFramedIn(hook.prompt ?? ''))
    for (const flight of seat.flights) {
      const prompts = flight.via === 'socket' || flight.via === 'wake'
      flight.latestPrompt = prompts && flight.ids.every(id => shown.has(id))
      if (flight.latestPrompt) take(seat, flight)
    }
    return undefined
  }
  if (hook.hook_event_name !== 'Stop') return undefined
  const read = new Set(seat.flights.filter(flight => flight.latestPrompt).flatMap(flight => flight.ids))
  return land(seat, id => read.has(id), 'hook')
}

/** What was handed over arrived: the way it went works. */
function take(seat: Seat, flight: Flight): void {
  flight.taken = true
  if (flight.via !== 'inbox') seat.rungs[flight.via] = WORKS
}

/** Takes the flights whose messages are all read off the list. */
function land(seat: Seat, isRead: (id: string) => boolean, proof: Proven['proof']): Proven | undefined {
  const landed = seat.flights.filter(flight => flight.ids.every(isRead))
  if (landed.length === 0) return undefined
  seat.flights = seat.flights.filter(flight => !landed.includes(flight))
  const ids = landed.flatMap(flight => flight.ids)
  for (const id of ids) seat.tries.delete(id)
  return { ids, proof }
}
