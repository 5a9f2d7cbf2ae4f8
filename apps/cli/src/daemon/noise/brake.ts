/** The last word on what a session is handed now: loops are held until a person speaks, the rest as its budgets allow. */
import { toBase64url } from '@claudemesh/protocol'
import type { InboxMessage } from '../../api/schema.ts'
import type { Seated } from '../known-sessions.ts'
import type { OpenMesh } from '../meshes.ts'
import { Budgets } from './budgets.ts'

type Why = 'budget' | 'loop'

export interface BrakePort {
  readonly now: () => number
  /** More of what waits for the session may go. */
  readonly wake: (uuid: string) => void
  /** These were proven to stand before the session. */
  readonly surfaced: (uuid: string, ids: readonly string[]) => void
}
/** Told to the senders of these messages of the session, or of its person's that it was given. */
export type TellHeld = (seat: Seated, ids: readonly string[], why: Why) => void

export class Brake {
  readonly #port: BrakePort
  readonly #budgets = new Budgets()
  /** By mesh and session: what was held at the last look, and why. */
  readonly #held = new Map<string, ReadonlyMap<string, Why>>()
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(port: BrakePort) {
    this.#port = port
  }

  /** Of all that waits for the session, in order, what may be handed over; of what is held anew, the senders are told. */
  pass(seat: Seated, waiting: readonly InboxMessage[], tell: TellHeld): InboxMessage[] {
    const { mesh, row } = seat
    const place = placeOf(seat)
    const now = this.#port.now()
    const isLoop = ({ from: peer, threadId }: InboxMessage) =>
      mesh.loops.has({ uuid: row.uuid, peer, threadId })
    const notes = waiting.filter(({ note }) => note === true)
    const free = waiting.filter(message => message.note !== true && !isLoop(message))
    const dues = free.map(({ id, from, threadId, state }) => ({
      id,
      from,
      threadId,
      handed: state === 'pushed',
      member: () => memberOf(seat, id, from),
    }))
    const { ids, againAt } = this.#budgets.admit(place, dues, mesh.limits.now, now)
    this.#wakeAt(row.uuid, place, againAt === null ? null : againAt - now)
    const held = new Map<string, Why>()
    for (const message of waiting)
      if (message.note === true) continue
      else if (isLoop(message)) held.set(message.id, 'loop')
      else if (!ids.has(message.id)) held.set(message.id, 'budget')
    const before = this.#held.get(place)
    if (held.size === 0) this.#held.delete(place)
    else this.#held.set(place, held)
    for (const why of ['budget', 'loop'] as const) {
      const fresh = [...held].filter(([id, one]) => one === why && before?.get(id) !== why)
      if (fresh.length > 0)
        tell(
          seat,
          fresh.map(([id]) => id),
          why,
        )
    }
    return waiting.filter(message => notes.includes(message) || ids.has(message.id))
  }

  /** Of a message that still waits for the session, as at the last look. */
  whyHeld(mesh: OpenMesh, uuid: string | null, id: string): Why | undefined {
    return uuid === null ? undefined : this.#held.get(`${mesh.id}/${uuid}`)?.get(id)
  }

  surfaced(uuid: string, ids: readonly string[]): void {
    this.#port.surfaced(uuid, ids)
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #wakeAt(uuid: string, place: string, inMs: number | null): void {
    clearTimeout(this.#timers.get(place))
    this.#timers.delete(place)
    if (inMs === null) return
    const wake = () => {
      this.#timers.delete(place)
      this.#port.wake(uuid)
    }
    this.#timers.set(place, setTimeout(wake, Math.max(1, inMs)))
  }
}

const placeOf = ({ mesh, row }: Seated): string => `${mesh.id}/${row.uuid}`

function memberOf({ mesh, row }: Seated, id: string, from: string): string {
  const message = mesh.client.received(row.uuid, id) ?? mesh.client.received(null, id)
  return message ? toBase64url(message.from.member) : from
}
