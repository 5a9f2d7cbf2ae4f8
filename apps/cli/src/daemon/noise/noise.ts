/** Keeps agents from talking each other into a frenzy: what this daemon knows of the turns of its sessions. */
import { type TextPayload, textPayload } from '@claudemesh/protocol'
import { idsFramedIn } from '../../delivery/frame.ts'
import type { OpenMesh } from '../meshes.ts'
import type { Seated, Sessions } from '../sessions.ts'
import { Turns } from './turns.ts'

interface Hook {
  readonly hook_event_name: string
  readonly prompt?: string | undefined
  readonly agent_id?: unknown
}

const ENDS_TURN: ReadonlySet<string> = new Set(['Stop', 'StopFailure', 'SessionEnd'])

export class Noise {
  readonly #sessions: Sessions
  readonly #turns = new Turns()

  constructor(sessions: Sessions) {
    this.#sessions = sessions
  }

  /** A hook of the session: a prompt that carries none of our messages is a person's. */
  hook(uuid: string, { hook_event_name: event, prompt = '', agent_id: subagent }: Hook): void {
    if (subagent !== undefined) return
    if (ENDS_TURN.has(event)) this.#turns.ended(uuid)
    if (event !== 'UserPromptSubmit') return
    const known = this.#hopsIn(uuid, idsFramedIn(prompt))
    if (known.length === 0) this.#turns.prompted(uuid)
    else this.#turns.took(uuid, known)
  }

  /** What a hook was answered stands in the turn it belongs to. */
  offered(uuid: string, output: object): void {
    this.#turns.took(uuid, this.#hopsIn(uuid, idsFramedIn(contextIn(output))))
  }

  /** Read on purpose: what a script reads at once begins a turn of its own. */
  read(uuid: string, ids: readonly string[]): void {
    const hops = this.#hopsIn(uuid, ids)
    if (hops.length === 0) return
    if (this.#sessions.byUuid(uuid).some(({ row }) => row.kind === 'plain')) this.#turns.ended(uuid)
    this.#turns.took(uuid, hops)
  }

  /** The session is opened or closed. */
  forget(uuid: string): void {
    this.#turns.forget(uuid)
  }

  /** Hops and thread of what is sent now; a person's own words have none behind them. */
  origin(mesh: OpenMesh, speaker: Seated | undefined, replyTo: string | undefined) {
    const uuid = speaker?.row.uuid ?? null
    const answered = replyTo === undefined ? undefined : textOf(mesh, uuid, replyTo)
    const hops = uuid === null ? 0 : this.#turns.hopsOf(uuid, answered && (answered.hops ?? 0))
    return { hops, threadId: answered?.threadId ?? replyTo ?? null }
  }

  /** Of those that this session or its person was sent. */
  #hopsIn(uuid: string, ids: readonly string[]): number[] {
    const meshes = this.#sessions.byUuid(uuid).map(({ mesh }) => mesh)
    return ids.flatMap(id => {
      const texts = meshes.flatMap(mesh => textOf(mesh, uuid, id) ?? [])
      return texts.map(({ hops = 0 }) => hops)
    })
  }
}

/** Of a message that came to the session, or to its person. */
function textOf({ client }: OpenMesh, uuid: string | null, msg: string): TextPayload | undefined {
  const own = uuid === null ? undefined : client.received(uuid, msg)
  return textPayload.safeParse((own ?? client.received(null, msg))?.payload).data
}

/** The context in a hook's output, if there is one. */
function contextIn(output: object): string {
  const { hookSpecificOutput: own } = output as { hookSpecificOutput?: { additionalContext?: unknown } }
  return typeof own?.additionalContext === 'string' ? own.additionalContext : ''
}
