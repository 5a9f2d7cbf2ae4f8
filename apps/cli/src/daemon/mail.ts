/** Mail of this machine: whose it is, which session gets what was sent to the person, what delivery may hand over. */
import type { InboxMessage as ClientMessage, InboxState } from '@claudemesh/client'
import { recipientKey } from '@claudemesh/crypto'
import { parseAs, type TextPayload, textPayload, toBase64url } from '@claudemesh/protocol'
import type { InboxMessage } from '../api/schema.ts'
import { gate, type HeldWhy, type Standing } from '../delivery/gate.ts'
import type { Seated } from './known-sessions.ts'
import { labeller } from './labels.ts'
import type { OpenMesh } from './meshes.ts'
import type { Brake } from './noise/brake.ts'
import type { Pause } from './pause.ts'
import type { Sessions } from './sessions.ts'
import { personMailOf } from './store/person-mail.ts'
import { standings } from './verification.ts'
import { whoIn } from './who.ts'

const NEW: readonly InboxState[] = ['unread', 'pushed']

/** One mailbox in one mesh: a session's (with what the person's was given it) or the person's. */
export interface Mailbox {
  readonly mesh: OpenMesh
  readonly uuid: string | null
}
export interface MailFilter {
  /** What was surfaced or read before, too. */
  readonly all: boolean
}

/** How far somebody has read in one mailbox; begins with nothing. */
export class Reader {
  /** Of the mailbox's own messages, the place of the last. */
  after = 0
  /** Of the person's mail that a session was given. */
  readonly given = new Set<string>()
}
/** Told of a mailbox that may hold something new, and of what was just released into it where that is known. */
type Follower = (mailbox: Mailbox, released?: readonly ClientMessage[]) => void
/** Messages of one `next`, at most. */
const PAGE = 1000

export class Mail {
  readonly #sessions: Sessions
  readonly #pause: Pause
  readonly #brake: Brake
  readonly #isTwice: (uuid: string) => boolean
  readonly #followers = new Set<Follower>()

  /** `isTwice`: whether two processes run the session at this moment. */
  constructor(o: { sessions: Sessions; pause: Pause; brake: Brake; isTwice: (uuid: string) => boolean }) {
    this.#brake = o.brake
    this.#sessions = o.sessions
    this.#pause = o.pause
    this.#isTwice = o.isTwice
  }

  /** Released messages of the mailbox, oldest first. */
  list(mailbox: Mailbox, { all }: MailFilter): InboxMessage[] {
    const { mesh, uuid } = mailbox
    const states = all ? {} : { states: NEW }
    const own = mesh.client.inbox({ uuid, ...states })
    return this.#show(mesh, mergedByArrival(own, this.#persons(mailbox, states)))
  }

  /**
   * What `reader` has not had of the mailbox, oldest first, a page at a time: nothing that it had is looked at again, and what was just
   * `released` is not read back where it is all that is new.
   */
  next(
    mailbox: Mailbox,
    reader: Reader,
    { all }: MailFilter,
    released?: readonly ClientMessage[],
  ): InboxMessage[] {
    const { mesh, uuid } = mailbox
    const states = all ? {} : { states: NEW }
    const next = released && follows(reader, released) ? released : undefined
    const own = next
      ? next.filter(({ state }) => all || NEW.includes(state))
      : mesh.client.inbox({ uuid, ...states, after: reader.after, limit: PAGE })
    reader.after = (next ?? own).at(-1)?.position ?? reader.after
    const persons = this.#persons(mailbox, states).filter(message => !reader.given.has(keyOf(message)))
    for (const message of persons) reader.given.add(keyOf(message))
    return this.#show(mesh, mergedByArrival(own, persons))
  }

  /** Of the person's mail, what this session was given. */
  #persons({ mesh, uuid }: Mailbox, states: { states?: readonly InboxState[] }): ClientMessage[] {
    const given = uuid === null ? undefined : personMailOf(mesh.store.scope).of(uuid)
    if (!given?.size) return []
    return mesh.client.inbox({ uuid: null, ...states }).filter(message => given.has(message.msg))
  }

  markRead(mailbox: Mailbox, ids: readonly string[]): void {
    this.#mark(mailbox, ids, (uuid, msgs) => mailbox.mesh.client.markRead(uuid, msgs))
  }

  /** `way`: by which of the ladder's rungs. */
  markPushed(mailbox: Mailbox, ids: readonly string[], way: string): void {
    this.#mark(mailbox, ids, (uuid, msgs) => mailbox.mesh.client.markPushed(uuid, msgs, way))
  }

  markSurfaced(mailbox: Mailbox, ids: readonly string[]): void {
    this.#mark(mailbox, ids, (uuid, msgs) => mailbox.mesh.client.markSurfaced(uuid, msgs))
    if (mailbox.uuid !== null) this.#brake.surfaced(mailbox.uuid, ids)
  }

  /** A step for the trace of these messages; nobody is told. */
  note(mailbox: Mailbox, ids: readonly string[], state: string, why: string): void {
    this.#mark(mailbox, ids, (uuid, msgs) => mailbox.mesh.client.note(uuid, msgs, state, why))
  }

  /** Told to the senders, once. */
  report(mailbox: Mailbox, ids: readonly string[], state: 'held', why: HeldWhy): void {
    this.#mark(mailbox, ids, (uuid, msgs) => mailbox.mesh.client.report(uuid, msgs, state, why))
  }

  /** What delivery may hand to an open session now. */
  waiting(seat: Seated): InboxMessage[] {
    const standing = this.#standingOf(seat)
    const messages = this.list({ mesh: seat.mesh, uuid: seat.row.uuid }, { all: false })
    const due = messages.filter(({ priority }) => gate(priority, standing) === 'give')
    return this.#pass(seat, due)
  }

  /**
   * Tells the senders of what waits for a session and is held, and why. What its client already has is not held by us. `arrived`: only
   * these came since it was told last, and nothing else changed.
   */
  tellHeld(seat: Seated, arrived?: readonly ClientMessage[]): void {
    const standing = this.#standingOf(seat)
    const mailbox = { mesh: seat.mesh, uuid: seat.row.uuid }
    if (arrived && !standing.isOpen) {
      const ids = arrived.filter(({ state }) => state === 'unread').map(({ msg }) => msg)
      if (ids.length > 0) this.report(mailbox, ids, 'held', 'closed')
      return
    }
    const held = new Map<HeldWhy, string[]>()
    const due: InboxMessage[] = []
    for (const message of this.list(mailbox, { all: false })) {
      const { id, priority, state } = message
      const verdict = gate(priority, standing)
      if (verdict === 'give') due.push(message)
      if (typeof verdict === 'string' || (state === 'pushed' && verdict.held !== 'closed')) continue
      held.set(verdict.held, [...(held.get(verdict.held) ?? []), id])
    }
    for (const [why, ids] of held) this.report(mailbox, ids, 'held', why)
    if (standing.isOpen && seat.row.kind === 'claude') this.#pass(seat, due)
  }

  /** What budgets and loops let through of it; of what they hold, the senders are told. */
  #pass(seat: Seated, due: readonly InboxMessage[]): InboxMessage[] {
    return this.#brake.pass(seat, due, ({ mesh, row: { uuid } }, ids, why) =>
      this.#mark({ mesh, uuid }, ids, (box, msgs) => mesh.client.report(box, msgs, 'held', why)),
    )
  }

  /** Nobody hands a plain session its mail: only what the user holds is held. */
  #standingOf({ mesh, row }: Seated): Standing {
    const { open: isOpen, status, deliver, kind } = row
    const shut = {
      isOpen,
      isPaused: this.#pause.since !== null,
      isMeshPaused: mesh.client.paused !== null,
    }
    if (kind === 'plain')
      return {
        ...shut,
        isTwice: false,
        mode: 'push',
        status: status === 'dnd' ? 'dnd' : 'idle',
        waitingFor: '',
      }
    const isTwice = isOpen && this.#isTwice(row.uuid)
    const waitingFor = this.#sessions.waitingFor({ mesh, row })
    return { ...shut, isTwice, mode: deliver, status, waitingFor }
  }

  /** Gives the person's new mail to her most recently active open session; without one it waits for the next. */
  giveToSession(mesh: OpenMesh): Seated | undefined {
    const open = this.#sessions
      .of(mesh)
      .filter(({ row }) => row.open && row.status !== 'closed' && row.deliver !== 'off')
    const latest = open.toSorted((a, b) => b.row.usedAt - a.row.usedAt)[0]
    if (!latest) return undefined
    const personMail = personMailOf(mesh.store.scope)
    const fresh = personMail.ungiven()
    if (fresh.length === 0) return undefined
    mesh.store.transaction(() => personMail.give(fresh, latest.row.uuid))
    return latest
  }

  /** A closed session's share of the person's mail waits for another session; its own waits for itself, and is told so. */
  takeBack(seat: Seated): void {
    const { mesh, row } = seat
    const personMail = personMailOf(mesh.store.scope)
    const given = personMail.of(row.uuid)
    const still = mesh.client.inbox({ uuid: null, states: NEW }).filter(message => given.has(message.msg))
    mesh.store.transaction(() => personMail.takeBack(still.map(message => message.msg)))
    this.tellHeld(seat)
  }

  /** To be done now and then. */
  forget(mesh: OpenMesh): void {
    personMailOf(mesh.store.scope).forget()
  }

  /** Told whenever a mailbox may hold something new. */
  follow(listener: Follower): () => void {
    this.#followers.add(listener)
    return () => this.#followers.delete(listener)
  }

  tellFollowers(...told: Parameters<Follower>): void {
    for (const listener of this.#followers) listener(...told)
  }

  #mark(
    { mesh, uuid }: Mailbox,
    ids: readonly string[],
    mark: (uuid: string | null, msgs: readonly string[]) => void,
  ): void {
    if (uuid !== null) {
      mark(uuid, ids)
      const given = personMailOf(mesh.store.scope).of(uuid)
      const persons = ids.filter(id => given.has(id))
      if (persons.length > 0) mark(null, persons)
    } else mark(null, ids)
  }

  #show(mesh: OpenMesh, messages: readonly ClientMessage[]): InboxMessage[] {
    const who = whoIn(mesh, this.#sessions)
    const label = labeller(who)
    const standing = standings(who)
    const { name, member, memberName } = mesh.client.view()
    const own = new Map(this.#sessions.of(mesh).map(({ row, signer }) => [row.uuid, signer.publicKey]))
    return messages.flatMap(message => {
      const text = parseAs(textPayload, message.damaged ? NO_TEXT : message.payload)
      if (!text.success || (message.kind !== 'text' && !message.local)) return []
      const fromName = message.local ? 'claudemesh' : label(message.from)
      const held = this.#brake.whyHeld(mesh, message.uuid, message.msg)
      const session = message.uuid === null ? null : (own.get(message.uuid) ?? null)
      return {
        id: message.msg,
        from: toBase64url(message.from.session ?? message.from.member),
        fromName,
        to: session === null ? memberName : label({ member, session }),
        ...text.data,
        sentAt: message.sentAt,
        receivedAt: message.receivedAt,
        ...standing(message.from.member),
        priority: message.priority,
        late: message.late,
        warning: warningOf(message, fromName),
        state: shownState(message.state),
        ...(message.local ? { note: true as const } : {}),
        ...(held === undefined ? {} : { held }),
        mesh: name,
      }
    })
  }
}

/** The next places in the mailbox, none left out. */
const follows = ({ after }: Reader, released: readonly ClientMessage[]): boolean =>
  released.every(({ position }, i) => position === after + 1 + i)

const keyOf = ({ msg, from }: ClientMessage): string => `${msg}/${recipientKey(from)}`

/** Each list keeps its own order, which is the order of release. */
function mergedByArrival(a: readonly ClientMessage[], b: readonly ClientMessage[]): ClientMessage[] {
  const merged: ClientMessage[] = []
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const [left, right] = [a[i], b[j]]
    const leftFirst = left !== undefined && (right === undefined || left.receivedAt <= right.receivedAt)
    merged.push(leftFirst ? left : right!)
    if (leftFirst) i++
    else j++
  }
  return merged
}

const NO_TEXT: TextPayload = { text: '', replyTo: null, threadId: null }

function warningOf({ damaged, gap }: ClientMessage, from: string): string | null {
  const missing = gap ? [`messages missing from ${from}`] : []
  const lost = damaged ? ["the text was damaged on this machine's disk and cannot be read"] : []
  return [...missing, ...lost].join('; ') || null
}

const shownState = (state: InboxState): InboxMessage['state'] =>
  state === 'early' || state === 'waiting' ? 'unread' : state
