/**
 * Brings waiting messages into live Claude sessions and says `surfaced` only on proof.
 *
 * One pack at a time is under way per session: pushed into the messaging socket, or, where that does not work, offered as context
 * at the next hook. What is not proven to have stood in the model's context goes again under the same ids.
 */
import {
  carriesContext,
  claudeConfigDir,
  contextOutput,
  cursorAtEnd,
  findRunning,
  type HookPayload,
  hookPayload,
  isKnownHook,
  pushText,
  type RunningSession,
} from '@claudemesh/claude'
import type { InboxMessage } from '../api/schema.ts'
import { frameMessages, idsFramedIn } from './frame.ts'
import { packMessages, packPriority } from './pack.ts'
import { type Proven, provenByHook, provenByTranscript } from './proof.ts'
import { cursorOf, type DeliverMode, type Flight, follow, openSeat, type Seat } from './seat.ts'

/** What delivery needs of the daemon. Ids are those of `InboxMessage`. */
export interface DeliveryPort {
  /** Not surfaced and not read yet, in release order; what `dnd` or a pause holds is left out. */
  waiting(uuid: string): InboxMessage[]
  /** Handed to the client: no proof yet. */
  pushed(uuid: string, ids: string[]): void
  /** Stood in the model's context. */
  surfaced(uuid: string, ids: string[], proof: 'hook' | 'transcript'): void
  log(event: string, facts?: Record<string, unknown>): void
  now(): number
}

export interface Delivery {
  /** `claudeId`: the UUID that Claude has for it, where it is another. */
  opened(session: {
    uuid: string
    claudeId?: string
    pid?: number
    deliver: DeliverMode
    claudeConfigDir?: string
  }): void
  closed(uuid: string): void
  /** New mail, or something held was released. */
  wake(uuid: string): void
  /** A hook of the session; returns the hook's output. Throws only what the port throws. */
  hook(uuid: string, payload: unknown): object
  stop(): void
}

/** Between two looks at a session: soon after an event, then less often while mail is under way, seldom while it only waits. */
const LOOK_MS = { first: 200, underWay: 1000, most: 5000 } as const
/** An idle session that has not taken a push after this long never will: the socket drops without a word. */
const DOUBT_MS = 5000
/** The same for a session that tells no status (some of the SDK's): it may be within a long tool. */
const DOUBT_BLIND_MS = 60_000
/** A message goes into the socket at most this often, and as hook context as often again; then it stays in the inbox. */
const SOCKET_TRIES = 2
const ALL_TRIES = 5
const SOCKET_REFUSALS = 3

export function createDelivery(port: DeliveryPort): Delivery {
  const seats = new Map<string, Seat>()
  const looks = new Map<string, { timer: ReturnType<typeof setTimeout>; due: number }>()
  const told = new Set<string>()
  const onUnknown = (what: string): void => {
    if (told.has(what)) return
    told.add(what)
    port.log('adapter.unknown', { what })
  }

  /** Looks at the session after `ms` at the latest, then ever more seldom while something waits or is under way. */
  function lookIn(seat: Seat, ms: number): void {
    const due = port.now() + ms
    const planned = looks.get(seat.uuid)
    if (planned !== undefined && planned.due <= due) return
    clearTimeout(planned?.timer)
    const timer = setTimeout(async () => {
      looks.delete(seat.uuid)
      const again = await look(seat).catch(error => {
        port.log('delivery.failed', { session: seat.uuid, why: String(error) })
        return true
      })
      if (!again || seats.get(seat.uuid) !== seat) return
      const most = seat.flights.length > 0 ? LOOK_MS.underWay : LOOK_MS.most
      lookIn(seat, Math.min(most, Math.max(LOOK_MS.first, ms * 2)))
    }, ms)
    looks.set(seat.uuid, { timer, due })
  }

  function lookNoMore(uuid: string): void {
    clearTimeout(looks.get(uuid)?.timer)
    looks.delete(uuid)
  }

  async function look(seat: Seat): Promise<boolean> {
    const running = findRunning(seat.configDir, seat.claudeId, onUnknown)
    settle(seat, provenByTranscript(seat, onUnknown))
    dropLost(seat, running)
    const pack = nextPack(seat, running)
    if (running?.messagingSocketPath !== undefined && pack.length > 0 && !seat.socketDoubted)
      await pushPack(seat, running.messagingSocketPath, pack)
    return seat.flights.length > 0 || unheard(seat).length > 0
  }

  function settle(seat: Seat, proven: Proven | undefined): void {
    if (proven === undefined) return
    port.surfaced(seat.uuid, proven.ids, proven.proof)
    port.log('delivery.surfaced', { session: seat.uuid, ids: proven.ids, proof: proven.proof })
  }

  /** A dead process loses its queue, and an idle one that has not taken a push was never given it: both wait again. */
  function dropLost(seat: Seat, running: RunningSession | undefined): void {
    seat.missed = running === undefined ? seat.missed + 1 : 0
    const patience = patienceWith(running)
    seat.flights = seat.flights.filter(flight => {
      if (running === undefined) return seat.missed < 2
      if (flight.taken || flight.via === 'context' || port.now() - flight.since < patience) return true
      seat.socketDoubted = flight.ids.some(id => (seat.tries.get(id) ?? 0) >= SOCKET_TRIES)
      port.log('delivery.unconfirmed', { session: seat.uuid, ids: flight.ids, doubted: seat.socketDoubted })
      return false
    })
  }

  /** Waiting, not under way, and not handed over in vain too often. */
  function unheard(seat: Seat): InboxMessage[] {
    if (seat.deliver !== 'push' || seat.away) return []
    const underWay = new Set(seat.flights.flatMap(flight => flight.ids))
    return port.waiting(seat.uuid).filter(m => !underWay.has(m.id) && (seat.tries.get(m.id) ?? 0) < ALL_TRIES)
  }

  /** What may be pushed now: nothing while a push is on its way or being read; `low` alone only into an idle session. */
  function nextPack(seat: Seat, running: RunningSession | undefined): InboxMessage[] {
    const busy = running?.status === 'busy'
    if (seat.flights.some(flight => !flight.taken || busy)) return []
    const pack = packMessages(unheard(seat))
    return busy && packPriority(pack) === 'later' ? [] : pack
  }

  async function pushPack(seat: Seat, socketPath: string, pack: InboxMessage[]): Promise<void> {
    const cursor = cursorOf(seat)
    if (cursor !== undefined && seat.flights.length === 0) seat.cursor = cursorAtEnd(cursor.path)
    const flight = takeOff(seat, pack, 'socket')
    const again = (seat.tries.get(pack[0]!.id) ?? 1) > 1
    const target = { socketPath, sessionId: seat.claudeId }
    const outcome = await pushText(target, frameMessages(pack, again), packPriority(pack))
    if (outcome === 'written') {
      seat.refused = 0
      port.pushed(seat.uuid, [...flight.ids])
      return
    }
    seat.flights = seat.flights.filter(f => f !== flight)
    for (const id of flight.ids) seat.tries.delete(id)
    seat.socketDoubted = ++seat.refused >= SOCKET_REFUSALS
    port.log('delivery.push-failed', { session: seat.uuid, outcome, doubted: seat.socketDoubted })
  }

  function takeOff(seat: Seat, pack: readonly InboxMessage[], via: Flight['via']): Flight {
    const ids = pack.map(message => message.id)
    const flight = { ids, via, since: port.now(), taken: false, latestPrompt: false }
    seat.flights.push(flight)
    for (const id of ids) seat.tries.set(id, (seat.tries.get(id) ?? 0) + 1)
    return flight
  }

  /** Hook context for a session whose socket does not serve; it never wakes an idle one, and proof comes by transcript. */
  function offerContext(seat: Seat, hook: HookPayload): object {
    const event = hook.hook_event_name
    if (!carriesContext(event) || hook.agent_id !== undefined || hook.stop_hook_active === true) return {}
    if (event === 'UserPromptSubmit') seat.flights = seat.flights.filter(f => f.via === 'socket' || f.taken)
    const socket = findRunning(seat.configDir, seat.claudeId, onUnknown)?.messagingSocketPath
    if (seat.flights.length > 0 || (socket !== undefined && !seat.socketDoubted)) return {}
    const pack = packMessages(unheard(seat))
    if (pack.length === 0) return {}
    const flight = takeOff(seat, pack, 'context')
    port.pushed(seat.uuid, [...flight.ids])
    return contextOutput(event, frameMessages(pack, (seat.tries.get(flight.ids[0]!) ?? 1) > 1))
  }

  /** After a restart of the daemon: what an earlier life pushed may have been read meanwhile, or be about to be. */
  function recover(seat: Seat): void {
    const ids = port
      .waiting(seat.uuid)
      .filter(m => m.state === 'pushed')
      .map(m => m.id)
    if (ids.length === 0) return
    seat.flights = ids.map(id => ({ ids: [id], via: 'socket', since: 0, taken: false, latestPrompt: false }))
    settle(seat, provenByTranscript(seat, onUnknown))
    const given = new Set(cursorOf(seat)?.given.flatMap(idsFramedIn))
    seat.flights = seat.flights.filter(flight => given.has(flight.ids[0]!))
  }

  return {
    opened({ uuid, claudeId = uuid, deliver, claudeConfigDir: configDir }) {
      lookNoMore(uuid)
      const seat = openSeat({ uuid, claudeId, deliver, configDir: configDir ?? claudeConfigDir(process.env) })
      seats.set(uuid, seat)
      recover(seat)
      lookIn(seat, 0)
    },
    closed(uuid) {
      const seat = seats.get(uuid)
      if (seat === undefined) return
      settle(seat, provenByTranscript(seat, onUnknown))
      lookNoMore(uuid)
      seats.delete(uuid)
    },
    wake(uuid) {
      const seat = seats.get(uuid)
      if (seat !== undefined) lookIn(seat, 0)
    },
    hook(uuid, payload) {
      const seat = seats.get(uuid)
      const parsed = hookPayload.safeParse(payload)
      if (!parsed.success) onUnknown('hook-payload')
      else if (!isKnownHook(parsed.data.hook_event_name)) onUnknown(`hook ${parsed.data.hook_event_name}`)
      if (seat === undefined || !parsed.success || !follow(seat, parsed.data)) return {}
      settle(seat, provenByHook(seat, parsed.data))
      settle(seat, provenByTranscript(seat, onUnknown))
      const output = offerContext(seat, parsed.data)
      lookIn(seat, LOOK_MS.first)
      return output
    },
    stop() {
      for (const uuid of seats.keys()) lookNoMore(uuid)
      seats.clear()
    },
  }
}

/** How long a push may go untaken, ms: for ever while the client is busy or asks its user something. */
function patienceWith(running: RunningSession | undefined): number {
  if (running?.status === undefined) return DOUBT_BLIND_MS
  return running.status === 'idle' ? DOUBT_MS : Number.POSITIVE_INFINITY
}
