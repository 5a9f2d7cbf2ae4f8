/** Keeps agents from talking each other into a frenzy: what this daemon knows of the turns of its sessions. */
import type { InboxMessage } from '@claudemesh/client'
import { parseAs, type Recipient, type TextPayload, textPayload, toBase64url } from '@claudemesh/protocol'
import { idsFramedIn } from '../../delivery/frame.ts'
import type { Seated } from '../known-sessions.ts'
import { sessionLabel } from '../labels.ts'
import type { DaemonLog } from '../log.ts'
import type { OpenMesh } from '../meshes.ts'
import type { Sessions } from '../sessions.ts'
import { whoIn } from '../who.ts'
import { type Conversation, Loops } from './loops.ts'
import { Turns } from './turns.ts'

interface Hook {
  readonly hook_event_name: string
  readonly prompt?: string | undefined
  readonly agent_id?: unknown
}

const MOST_COUNTED = 1_000
const ENDS_TURN: ReadonlySet<string> = new Set(['Stop', 'StopFailure', 'SessionEnd'])

interface NoisePort {
  readonly sessions: Sessions
  readonly now: () => number
  readonly log: DaemonLog
  /** What was held for the session may go. */
  readonly wake: (uuid: string) => void
}

export class Noise {
  readonly #port: NoisePort
  readonly #turns = new Turns()
  readonly #loops = new Loops()
  /** By session: messages whose hops were counted, the newest. */
  readonly #counted = new Map<string, ReadonlySet<string>>()

  constructor(port: NoisePort) {
    this.#port = port
  }

  /** A hook of the session: a prompt that carries none of our messages is a person's. */
  hook(uuid: string, { hook_event_name: event, prompt = '', agent_id: subagent }: Hook): void {
    if (subagent !== undefined) return
    if (ENDS_TURN.has(event)) this.#turns.ended(uuid)
    if (event !== 'UserPromptSubmit') return
    const ids = idsFramedIn(prompt)
    if (this.#receivedIn(uuid, ids).length === 0) this.#prompted(uuid)
    else this.took(uuid, ids)
  }

  /** What a hook was answered stands in the turn it belongs to. */
  offered(uuid: string, output: object): void {
    this.took(uuid, idsFramedIn(contextIn(output)))
  }

  /** These stood before the session, or do now; each counts once. A note of this machine neither begins a turn nor ends what led to it. */
  took(uuid: string, ids: readonly string[]): void {
    const counted = new Set(this.#counted.get(uuid))
    const fresh = this.#receivedIn(uuid, ids).filter(({ msg, local }) => !local && !counted.has(msg))
    if (fresh.length === 0) return
    for (const { msg } of fresh) counted.add(msg)
    this.#counted.set(uuid, new Set([...counted].slice(-MOST_COUNTED)))
    this.#turns.took(uuid, fresh.map(hopsOf))
  }

  /** Read on purpose: what a script reads at once begins a turn of its own. */
  read(uuid: string, ids: readonly string[]): void {
    if (this.#receivedIn(uuid, ids).length === 0) return
    if (this.#port.sessions.byUuid(uuid).some(({ row }) => row.kind === 'plain')) this.#turns.ended(uuid)
    this.took(uuid, ids)
  }

  /** The session is opened or closed. */
  forget(uuid: string): void {
    this.#turns.forget(uuid)
    this.#counted.delete(uuid)
  }

  /** Hops and thread of what is sent now; a person's own words have none behind them. */
  origin(mesh: OpenMesh, speaker: Seated | undefined, replyTo: string | undefined) {
    const uuid = speaker?.row.uuid ?? null
    const answered = replyTo === undefined ? undefined : textOf(received(mesh, uuid, replyTo))
    const hops = uuid === null ? 0 : this.#turns.hopsOf(uuid, answered && (answered.hops ?? 0))
    return { hops, threadId: answered?.threadId ?? replyTo ?? null }
  }

  /** Texts that came to a session of Claude. */
  heard(mesh: OpenMesh, uuid: string | null, messages: readonly InboxMessage[]): void {
    const [seat] = uuid === null ? [] : this.#port.sessions.byUuid(uuid, mesh)
    if (seat?.row.kind !== 'claude') return
    for (const message of messages) {
      const text = parseAs(textPayload, message.payload)
      if (message.kind !== 'text' || !text.success) continue
      const { member, session } = message.from
      this.#count(seat, toBase64url(session ?? member), text.data, false)
    }
  }

  /** What a session of Claude says to one peer alone. */
  said(seat: Seated, { member, session }: Recipient, said: Pick<TextPayload, 'text' | 'threadId'>): void {
    this.#count(seat, toBase64url(session ?? member), said, true)
  }

  /** Lets what was held as a loop go on, of every session. */
  release(): void {
    for (const seat of this.#port.sessions.all())
      if (seat.mesh.loops.release(seat.row.uuid)) this.#port.wake(seat.row.uuid)
  }

  #prompted(uuid: string): void {
    this.#turns.prompted(uuid)
    this.#loops.prompted(uuid)
    const released = this.#port.sessions.byUuid(uuid).map(({ mesh }) => mesh.loops.release(uuid))
    if (released.includes(true)) this.#port.wake(uuid)
  }

  #count(
    seat: Seated,
    peer: string,
    { text, threadId }: Pick<TextPayload, 'text' | 'threadId'>,
    mine: boolean,
  ) {
    const { mesh, row } = seat
    if (row.kind !== 'claude') return
    const where: Conversation = { uuid: row.uuid, peer, threadId }
    if (mesh.loops.has(where) || !this.#loops.hear(where, mine, text, mesh.limits.now.loop)) return
    const name = peerName(seat, this.#port.sessions, peer)
    mesh.loops.add({ ...where, with: name, at: this.#port.now() })
    this.#port.log('noise.loop', { mesh: mesh.id, session: row.uuid, peer })
    mesh.client.tellOwn(row.uuid, loopNote(name, mesh.limits.now.loop), [])
  }

  /** Those that this session or its person was sent, or was told by this machine. */
  #receivedIn(uuid: string, ids: readonly string[]): InboxMessage[] {
    const meshes = this.#port.sessions.byUuid(uuid).map(({ mesh }) => mesh)
    return ids.flatMap(id => meshes.flatMap(mesh => received(mesh, uuid, id) ?? []))
  }
}

const loopNote = (name: string, count: number): string =>
  `You and ${name} sent each other ever the same short texts: the last ${count} messages of your exchange were nothing else, and your user said nothing in between. It is a loop, and is paused: what comes of it is held until your user speaks here or types "claudemesh resume". Do not answer this, and send nothing more of it.`

/** The name of the peer with this key, as people type it. */
function peerName({ mesh }: Seated, sessions: Sessions, key: string): string {
  const who = whoIn(mesh, sessions)
  const session = who.sessions.find(({ recipient }) => toBase64url(recipient.session!) === key)
  if (session) return sessionLabel(session)
  return who.members.find(member => toBase64url(member.key) === key)?.name ?? key.slice(0, 12)
}

/** A message that came to the session, or to its person. */
const received = ({ client }: OpenMesh, uuid: string | null, msg: string): InboxMessage | undefined =>
  (uuid === null ? undefined : client.received(uuid, msg)) ?? client.received(null, msg)

const textOf = (message: InboxMessage | undefined): TextPayload | undefined =>
  parseAs(textPayload, message?.payload).data
const hopsOf = (message: InboxMessage): number => textOf(message)?.hops ?? 0

/** The context in a hook's output, if there is one. */
function contextIn(output: object): string {
  const { hookSpecificOutput: own } = output as { hookSpecificOutput?: { additionalContext?: unknown } }
  return typeof own?.additionalContext === 'string' ? own.additionalContext : ''
}
