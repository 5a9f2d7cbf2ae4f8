/**
 * A short note to the session that sent a message which was refused or given up, or is still held after a while: once for each
 * recipient of a message, several in one note. It asks for no answer, and none is ever sent for it.
 */
import type { OutboxState } from '@claudemesh/client'
import { recipientKey } from '@claudemesh/crypto'
import { type Recipient, toBase64url } from '@claudemesh/protocol'
import { labeller } from '../labels.ts'
import type { DaemonLog } from '../log.ts'
import type { OpenMesh } from '../meshes.ts'
import type { Sessions } from '../sessions.ts'
import { whoIn } from '../who.ts'

/** Held for so long is worth a word. */
const HELD_MS = 5 * 60_000
/** What ends within this time of each other is told together. */
const GATHER_MS = 2_000
/** Lines of one note. */
const SHOWN = 20
/** Messages looked at when the daemon starts. */
const LOOKED_BACK = 1_000
const MOST_PENDING = 10_000

const WORDS: Partial<Record<OutboxState, string>> = {
  refused: 'REFUSED by the recipient',
  expired: 'EXPIRED before it arrived',
  removed: 'NOT delivered: no member any more',
  unknown: 'NOT delivered: the broker knows no such recipient',
  undecryptable: 'NOT delivered: it could not be opened there',
  failed: 'NOT delivered',
  held: 'still HELD on the recipient’s machine, not seen yet',
}

interface Pending {
  readonly mesh: OpenMesh
  /** Session that sent it. */
  readonly uuid: string
  readonly msg: string
  readonly to: Recipient
  readonly state: OutboxState
  readonly why: string | null
  readonly dueAt: number
  /** It ended: it goes with the next note of its session. */
  readonly ended: boolean
}

const ownerOf = ({ mesh, uuid }: Pending): string => `${mesh.id}/${uuid}`

export class Notes {
  readonly #sessions: Sessions
  readonly #now: () => number
  readonly #pending = new Map<string, Pending>()
  readonly #log: DaemonLog

  constructor(o: { sessions: Sessions; now: () => number; log: DaemonLog }) {
    this.#sessions = o.sessions
    this.#now = o.now
    this.#log = o.log
  }

  /** Follows the outbox of the mesh, beginning with what an earlier life of the daemon left held. */
  watch(mesh: OpenMesh): void {
    for (const { msg, from, recipients } of mesh.client.outbox({ limit: LOOKED_BACK }))
      if (from !== null)
        for (const { to, state, why, at } of recipients)
          if (state === 'held') this.#expect(mesh, { msg, to, state, why }, at)
    mesh.client.on('outbox', change => this.#expect(mesh, change, this.#now()))
  }

  leave(mesh: OpenMesh): void {
    for (const [name, pending] of this.#pending) if (pending.mesh === mesh) this.#pending.delete(name)
  }

  /** Tells what is due, and with it what else ended of the same session; to be called every second. */
  look(): void {
    try {
      this.#tellDue()
    } catch (error) {
      // A session that is not attached any more, or a store that cannot write: nobody is left to be told, or nothing stands.
      this.#log('notes.failed', { message: String(error) })
    }
  }

  #tellDue(): void {
    const now = this.#now()
    const owners = new Set<string>()
    for (const pending of this.#pending.values()) if (pending.dueAt <= now) owners.add(ownerOf(pending))
    const due = new Map<string, Pending[]>()
    const told = new Map<string, ReadonlySet<string>>()
    for (const [name, pending] of owners.size === 0 ? [] : this.#pending) {
      const owner = ownerOf(pending)
      if (pending.dueAt > now && !(pending.ended && owners.has(owner))) continue
      this.#pending.delete(name)
      const { mesh, msg, to } = pending
      if (!told.has(msg)) told.set(msg, mesh.client.toldOf(msg))
      if (told.get(msg)!.has(recipientKey(to))) continue
      if (this.#isKnownLoop(pending)) mesh.client.markTold([pending])
      else {
        const all = due.get(owner)
        if (all) all.push(pending)
        else due.set(owner, [pending])
      }
    }
    for (const all of due.values()) all[0]!.mesh.client.tellOwn(all[0]!.uuid, this.#worded(all), all)
  }

  #expect(mesh: OpenMesh, change: Pick<Pending, 'msg' | 'to' | 'state' | 'why'>, at: number): void {
    const { msg, to, state, why } = change
    const name = `${mesh.id}/${msg}/${recipientKey(to)}`
    const before = this.#pending.get(name)
    this.#pending.delete(name)
    if (WORDS[state] === undefined || this.#pending.size >= MOST_PENDING) return
    const uuid = mesh.client.speakerOf(msg)
    if (typeof uuid !== 'string') return
    const isWaiting = state === 'held' && why !== 'loop'
    // For another reason it is still the same wait.
    const heldAt = before?.state === 'held' && isWaiting ? before.dueAt : at + HELD_MS
    const dueAt = isWaiting ? heldAt : at + GATHER_MS
    this.#pending.set(name, { mesh, uuid, msg, to, state, why, dueAt, ended: !isWaiting })
  }

  /** It was told of the loop itself when that was found here. */
  #isKnownLoop({ mesh, uuid, to, why }: Pending): boolean {
    const peer = toBase64url(to.session ?? to.member)
    return why === 'loop' && mesh.loops.all().some(loop => loop.uuid === uuid && loop.peer === peer)
  }

  #worded(all: readonly Pending[]): string {
    const label = labeller(whoIn(all[0]!.mesh, this.#sessions))
    const lines = all.slice(0, SHOWN).map(({ msg, to, state, why }) => {
      const reason = why === null ? '' : ` (${why})`
      return `message ${msg} to ${label(to)}: ${WORDS[state]}${reason}`
    })
    const more = all.length - lines.length
    return [
      'Of what you sent:',
      ...lines,
      ...(more > 0 ? [`… and ${more} more: claudemesh outbox`] : []),
    ].join('\n')
  }
}
