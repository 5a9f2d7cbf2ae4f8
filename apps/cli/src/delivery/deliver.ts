/**
 * Brings waiting messages into live Claude sessions and says `surfaced` only on proof.
 *
 * One pack at a time is under way per session, by the best rung of the ladder (rungs.ts) that lets anything in: pushed into the
 * messaging socket, by an asyncRewake hook that wakes it, or offered as context at the next hook. What is not proven to have stood
 * in the model's context goes again under the same ids.
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
import { parseAs } from '@claudemesh/protocol'
import type { InboxMessage } from '../api/schema.ts'
import { frameMessages, idsFramedIn, wordCount } from './frame.ts'
import { describeLadder } from './ladder.ts'
import { planLooks } from './looks.ts'
import { DOUBT_MS, howLost } from './lost.ts'
import { packMessages, packPriority, shownBy } from './pack.ts'
import type { Delivery, DeliveryPort } from './port.ts'
import { type Proven, provenByHook, provenByTranscript } from './proof.ts'
import { isUsable, lost, type Way } from './rungs.ts'
import { cursorOf, type Flight, follow, openSeat, type Seat } from './seat.ts'

/** Between two looks at a session: soon after an event, then less often while mail is under way, seldom while it only waits. */
const LOOK_MS = { first: 200, underWay: 1000, most: 5000 } as const
/** A message is handed over at most this often; then it stays in the inbox, and its sender hears that it is held. */
const MOST_TRIES = 5
const SOCKET_REFUSALS = 3

export function createDelivery(port: DeliveryPort): Delivery {
  const seats = new Map<string, Seat>()
  const told = new Set<string>()
  const onUnknown = (what: string): void => {
    if (told.has(what)) return
    told.add(what)
    port.log('adapter.unknown', { what })
  }
  const looks = planLooks(port.now, async (uuid, ms) => {
    const seat = seats.get(uuid)
    if (seat === undefined) return undefined
    const again = await look(seat).catch(error => {
      port.log('delivery.failed', { session: uuid, why: String(error) })
      return true
    })
    if (!again || seats.get(uuid) !== seat) return undefined
    const most = seat.flights.length > 0 ? LOOK_MS.underWay : LOOK_MS.most
    return Math.min(most, Math.max(LOOK_MS.first, ms * 2))
  })
  const running = (seat: Seat) => findRunning(seat.configDir, seat.claudeId, onUnknown)

  async function look(seat: Seat): Promise<boolean> {
    const now = running(seat)
    seat.seen ||= now !== undefined
    settle(seat, provenByTranscript(seat, onUnknown))
    dropLost(seat, now)
    const pack = nextPack(seat, now)
    if (pack.length > 0) await handOver(seat, now, pack)
    return seat.flights.length > 0 || unheard(seat).length > 0
  }

  function settle(seat: Seat, proven: Proven | undefined): void {
    if (proven === undefined) return
    port.surfaced(seat.uuid, proven.ids, proven.proof)
    port.log('delivery.surfaced', { session: seat.uuid, ids: proven.ids, proof: proven.proof })
  }

  function dropLost(seat: Seat, now: RunningSession | undefined): void {
    seat.missed = now === undefined ? seat.missed + 1 : 0
    const verdicts = seat.flights.map(flight => ({ flight, lost: howLost(seat, flight, now, port.now()) }))
    for (const { flight, lost } of verdicts)
      if (lost !== undefined)
        drop(seat, flight, lost === 'dead' ? undefined : 'what went there never showed up')
    seat.flights = verdicts.filter(({ lost }) => lost === undefined).map(({ flight }) => flight)
  }

  /** Not proven: it waits again. `fault`: that of the way it went. */
  function drop(seat: Seat, { ids, via }: Flight, fault: string | undefined): void {
    if (via !== 'inbox' && fault !== undefined) seat.rungs[via] = lost(seat.rungs[via], fault, port.now())
    port.unconfirmed(seat.uuid, [...ids], via)
    port.log('delivery.unconfirmed', { session: seat.uuid, ids, via, fault })
    const inVain = ids.filter(id => seat.tries.get(id) === MOST_TRIES)
    if (inVain.length > 0) port.held(seat.uuid, inVain, 'policy')
  }

  /** Waiting, not under way, and not handed over in vain too often. */
  function unheard(seat: Seat): InboxMessage[] {
    if (seat.away) return []
    const underWay = new Set(seat.flights.flatMap(flight => flight.ids))
    return port
      .waiting(seat.uuid)
      .filter(m => !underWay.has(m.id) && (seat.tries.get(m.id) ?? 0) < MOST_TRIES)
  }

  /** What may be handed over now: nothing while a pack is on its way or being read; `low` alone only to an idle session. */
  function nextPack(seat: Seat, now: RunningSession | undefined): InboxMessage[] {
    const busy = now?.status === 'busy'
    if (seat.flights.some(flight => !flight.taken || busy)) return []
    const pack = packMessages(unheard(seat))
    return busy && packPriority(pack) === 'later' ? [] : pack
  }

  /** By the best rung that is there; hooks come by themselves, so what is left for them waits. */
  async function handOver(seat: Seat, now: RunningSession | undefined, pack: InboxMessage[]): Promise<void> {
    const path = socketOf(seat, now)
    if (path !== undefined) return pushPack(seat, path, pack)
    const mayWake = now === undefined || now.status === undefined || now.status === 'idle'
    if (seat.waiter !== undefined && mayWake && isUsable(seat.rungs.wake, port.now())) {
      const wake = seat.waiter
      wake(takeOff(seat, packMessages(pack, 'wake'), 'wake'))
    } else if (now !== undefined && !seat.hooked && port.now() - seat.openedAt > DOUBT_MS)
      port.held(
        seat.uuid,
        pack.map(message => message.id),
        'policy',
      )
  }

  const socketOf = (seat: Seat, now: RunningSession | undefined): string | undefined =>
    isUsable(seat.rungs.socket, port.now()) ? now?.messagingSocketPath : undefined

  async function pushPack(seat: Seat, socketPath: string, pack: InboxMessage[]): Promise<void> {
    const wait = seat.pace.take(port.now())
    if (wait > 0) return looks.in(seat.uuid, wait)
    const cursor = cursorOf(seat)
    if (cursor !== undefined && seat.flights.length === 0) seat.cursor = cursorAtEnd(cursor.path)
    const words = framed(seat, pack, 'socket')
    const flight = startFlight(seat, pack, 'socket')
    const target = { socketPath, sessionId: seat.claudeId }
    let isOff = false
    const outcome = await pushText(target, words, packPriority(pack), () => {
      isOff = true
      seat.refused = 0
      // Before it goes: a daemon that dies behind it knows that it may have been given, and says so with the next time.
      port.pushed(seat.uuid, [...flight.ids], 'socket')
    })
    if (isOff) return
    seat.flights = seat.flights.filter(f => f !== flight)
    for (const id of flight.ids) seat.tries.set(id, seat.tries.get(id)! - 1)
    const isDown = ++seat.refused >= SOCKET_REFUSALS
    if (isDown) seat.rungs.socket = lost(seat.rungs.socket, 'nobody listens there', port.now())
    port.log('delivery.push-failed', { session: seat.uuid, outcome, down: isDown })
  }

  function framed(seat: Seat, pack: readonly InboxMessage[], way: Way): string {
    // Handed over in an earlier life of the client or the daemon counts as well.
    const isAgain = pack.some(({ id, state }) => state === 'pushed' || (seat.tries.get(id) ?? 0) > 0)
    return frameMessages(pack, { shownChars: shownBy(way), ...(isAgain ? { againAt: port.now() } : {}) })
  }

  /** What the client is to be given, which is under way from now on. */
  function takeOff(seat: Seat, pack: readonly InboxMessage[], way: Way): string {
    const words = framed(seat, pack, way)
    const { ids } = startFlight(seat, pack, way)
    port.pushed(seat.uuid, [...ids], way)
    return words
  }

  function startFlight(seat: Seat, pack: readonly InboxMessage[], via: Way): Flight {
    const ids = pack.map(message => message.id)
    const flight = { ids, via, since: port.now(), taken: false, latestPrompt: false }
    seat.flights.push(flight)
    for (const id of ids) seat.tries.set(id, (seat.tries.get(id) ?? 0) + 1)
    return flight
  }

  /** Context for a session whose socket does not serve; it never wakes an idle one, and proof comes by transcript. */
  function offerContext(seat: Seat, hook: HookPayload): object {
    const event = hook.hook_event_name
    if (!carriesContext(event) || hook.agent_id !== undefined || hook.stop_hook_active === true) return {}
    if (event === 'UserPromptSubmit') {
      for (const flight of seat.flights)
        if (flight.via === 'hook' && !flight.taken) drop(seat, flight, 'what it offered never showed up')
      seat.flights = seat.flights.filter(flight => flight.via !== 'hook' || flight.taken)
    }
    if (seat.flights.length > 0 || socketOf(seat, running(seat)) !== undefined) return announce(seat, event)
    const pack = packMessages(unheard(seat), 'hook')
    return pack.length === 0 ? announce(seat, event) : contextOutput(event, takeOff(seat, pack, 'hook'))
  }

  /** In mode `inbox` the model hears how many wait, once each, and nothing of them. */
  function announce(seat: Seat, event: string): object {
    if (event === 'Stop') return {}
    const waiting = port.toAnnounce(seat.uuid)
    const isNew = waiting.some(({ id }) => !seat.announced.has(id))
    for (const { id } of waiting) seat.announced.add(id)
    return isNew ? contextOutput(event, wordCount(waiting.length)) : {}
  }

  /** After a restart of the daemon: what an earlier life pushed may have been read meanwhile, or be about to be. */
  function recover(seat: Seat): void {
    const ids = port
      .waiting(seat.uuid)
      .filter(m => m.state === 'pushed')
      .map(m => m.id)
    if (ids.length === 0) return
    seat.flights = ids.map(id => ({ ids: [id], via: 'socket', since: 0, taken: true, latestPrompt: false }))
    settle(seat, provenByTranscript(seat, onUnknown))
    const given = new Map(
      cursorOf(seat)?.given.flatMap(({ text, at }) => idsFramedIn(text).map(id => [id, at] as const)),
    )
    // The transcript is a moment behind a turn that has begun, and a busy client may have it in its queue: either shows soon.
    const now = running(seat)
    const pending = { since: port.now(), taken: false, pid: now?.pid }
    seat.flights = seat.flights
      .map(flight =>
        given.has(flight.ids[0]!)
          ? { ...flight, givenAt: given.get(flight.ids[0]!) }
          : { ...flight, ...pending },
      )
      .filter(({ taken }) => taken || now?.status === 'busy')
  }

  return {
    opened({ uuid, claudeId = uuid, claudeConfigDir: configDir = claudeConfigDir(process.env) }) {
      looks.noMore(uuid)
      seats.get(uuid)?.waiter?.()
      const seat = openSeat({ uuid, claudeId, configDir, openedAt: port.now() })
      seats.set(uuid, seat)
      recover(seat)
      looks.in(uuid, 0)
    },
    closed(uuid) {
      const seat = seats.get(uuid)
      if (seat === undefined) return
      settle(seat, provenByTranscript(seat, onUnknown))
      seat.waiter?.()
      looks.noMore(uuid)
      seats.delete(uuid)
    },
    wake(uuid) {
      if (seats.has(uuid)) looks.in(uuid, 0)
    },
    hook(uuid, payload) {
      const seat = seats.get(uuid)
      const parsed = parseAs(hookPayload, payload)
      if (!parsed.success) onUnknown('hook-payload')
      else if (!isKnownHook(parsed.data.hook_event_name)) onUnknown(`hook ${parsed.data.hook_event_name}`)
      if (seat === undefined || !parsed.success || !follow(seat, parsed.data, port.now())) return {}
      settle(seat, provenByHook(seat, parsed.data))
      settle(seat, provenByTranscript(seat, onUnknown))
      const output = offerContext(seat, parsed.data)
      looks.in(uuid, LOOK_MS.first)
      return output
    },
    waiter(uuid, gone) {
      const seat = seats.get(uuid)
      if (seat === undefined || gone.aborted) return Promise.resolve(undefined)
      seat.waiter?.()
      const { promise, resolve } = Promise.withResolvers<string | undefined>()
      const end = (words?: string): void => {
        if (seat.waiter === end) seat.waiter = undefined
        resolve(words)
      }
      seat.waiter = end
      gone.addEventListener('abort', () => end())
      looks.in(uuid, 0)
      return promise
    },
    asked(uuid, ids) {
      const seat = seats.get(uuid)
      const fresh = ids.filter(id => !seat?.flights.some(flight => flight.ids.includes(id)))
      if (seat === undefined || fresh.length === 0) return seat !== undefined
      cursorOf(seat)
      seat.flights.push({ ids: fresh, via: 'inbox', since: port.now(), taken: false, latestPrompt: false })
      port.pushed(uuid, fresh, 'inbox')
      looks.in(uuid, LOOK_MS.first)
      return true
    },
    ladder(uuid) {
      const seat = seats.get(uuid)
      return seat && describeLadder(seat, running(seat), port.now())
    },
    stop() {
      for (const [uuid, seat] of seats) {
        looks.noMore(uuid)
        seat.waiter?.()
      }
      seats.clear()
    },
  }
}
