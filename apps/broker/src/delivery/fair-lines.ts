/** Envelopes that wait for their commit, a line for each socket: where more waits than a commit takes, one that floods stands before nobody but itself. */
import type { PushSocket } from './attachment.ts'

/** Envelopes a socket may send off before the next has its turn, one at least: neighbours of one sender cost a commit less. */
const TURN = 32
/** Turns of a socket in one commit: whoever comes meanwhile waits for the commits under way, which one that floods shall not make long. */
const TURNS = 2
/** Where another socket sent something so lately (ms), a turn counts recipients: a letter to many is as long for those who wait. */
const BESIDE_MS = 1000
/** Where fewer sockets wait beside others they flood, and have one turn each; so many are the traffic itself. */
const MANY = 4
/** Bytes of large ones that a commit takes: while the database writes some, others are laid out here. */
const COMMIT_BYTES = 2 << 20

/** Whose it is, as many rows as it has recipients, what it holds in memory, and when it came, ms since 1970. */
interface Waiting {
  readonly answer: { readonly socket: PushSocket }
  readonly item: { readonly to: { readonly length: number } }
  readonly bytes: number
  readonly arrived: number
}

interface Line<Pending> {
  readonly waiting: Pending[]
  /** Place of the first that still waits. */
  head: number
  /** What is left of its turn. */
  turn: number
}

export class FairLines<Pending extends Waiting> {
  /** Whose turn it is stands first; whoever had one goes to the end. A turn that did not fit into a commit goes on in the next one. */
  readonly #lines = new Map<PushSocket, Line<Pending>>()

  /** Whose the last one was, since when only theirs came, and when it did. */
  #sender: PushSocket | undefined
  #aloneSince = Number.NEGATIVE_INFINITY
  #lastAt = 0
  /** Sockets that waited for the last commit. */
  #waited = 0

  add(pending: Pending): void {
    const { answer, arrived } = pending
    const { socket } = answer
    if (this.#sender !== undefined && socket !== this.#sender) this.#aloneSince = arrived
    this.#sender = socket
    this.#lastAt = arrived
    const line = this.#lines.get(socket)
    if (line === undefined) this.#lines.set(socket, { waiting: [pending], head: 0, turn: TURN })
    else line.waiting.push(pending)
  }

  /** Few sockets flood beside others, who send little: one commit of theirs is all that those should have to wait for. */
  get fewFlood(): boolean {
    return this.#beside && Math.max(this.#lines.size, this.#waited) < MANY
  }

  get #beside(): boolean {
    return this.#lastAt - this.#aloneSince < BESIDE_MS
  }

  /** At most `room` rows and `COMMIT_BYTES`, but one envelope always; those of a socket in the order they came. */
  take(room: number): Pending[] {
    const taken: Pending[] = []
    let left = room
    let bytes = COMMIT_BYTES
    const beside = this.#beside
    const most = this.fewFlood ? 1 : TURNS
    this.#waited = this.#lines.size
    const turns = new Map<PushSocket, number>()
    /** Had its turns in this commit. */
    const over: [PushSocket, Line<Pending>][] = []
    // Lines that are put at the end meanwhile are met again.
    for (const [socket, line] of this.#lines) {
      const { waiting } = line
      for (let next = waiting[line.head]; next !== undefined && line.turn > 0; next = waiting[line.head]) {
        left -= next.item.to.length
        bytes -= next.bytes
        if ((left < 0 || bytes < 0) && taken.length > 0) break
        taken.push(next)
        line.head++
        line.turn -= beside ? next.item.to.length : 1
      }
      const more = line.head < waiting.length
      if (more && line.turn > 0) break
      this.#lines.delete(socket)
      const had = (turns.get(socket) ?? 0) + Math.ceil((TURN - line.turn) / TURN)
      turns.set(socket, had)
      if (more && had < most) this.#lines.set(socket, rest(line))
      else if (more) over.push([socket, rest(line)])
      if (left <= 0 || bytes <= 0) break
    }
    for (const [socket, line] of over) this.#lines.set(socket, line)
    return taken
  }
}

/** What was taken is let go of now and then, not at every turn. */
const rest = <Pending>({ waiting, head }: Line<Pending>): Line<Pending> =>
  head * 2 < waiting.length
    ? { waiting, head, turn: TURN }
    : { waiting: waiting.slice(head), head: 0, turn: TURN }
