/**
 * A session as Claude Code is one to its daemon: a hook that waits is answered with words, the model is shown them in its next
 * turn, and two hooks tell of the turn. Claude itself is not run here: what it does with the words is `apps/cli/test/claude`'s.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { idsFramedIn } from 'claudemesh'

export interface SessionParts {
  readonly uuid: string
  /** `CLAUDEMESH_HOME` of its daemon. */
  readonly home: string
  readonly tokenFile: string
  /** A message stands in the model's context. */
  readonly shown: (msg: string) => void
}

/** Between two calls of a daemon that does not answer. */
const AGAIN_MS = 200

export class Session {
  readonly #o: SessionParts
  readonly #ending = new AbortController()
  #isInterrupted = false

  constructor(o: SessionParts) {
    this.#o = o
    void this.#live()
  }

  /** Dies with the next words it is given, before the turn that would show them, and is there again. */
  interrupt(): void {
    this.#isInterrupted = true
  }

  end(): void {
    this.#ending.abort()
  }

  async #live(): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted)
      try {
        const words = await this.#post('/v1/wake', {})
        if (words === '') continue
        if (this.#isInterrupted) this.#isInterrupted = false
        else await this.#turn(words)
      } catch {
        await delay(AGAIN_MS)
      }
  }

  /** The words are the prompt of a turn, as those of an asyncRewake hook are. */
  async #turn(words: string): Promise<void> {
    for (const msg of idsFramedIn(words)) this.#o.shown(msg)
    await this.#post('/v1/hook', { hook_event_name: 'UserPromptSubmit', prompt: words })
    await this.#post('/v1/hook', { hook_event_name: 'Stop' })
  }

  /** As the command of a hook does: over the daemon's socket, by the session's token. Throws where no daemon answers. */
  async #post(path: string, body: object): Promise<string> {
    const { home, tokenFile, uuid } = this.#o
    const { socket } = JSON.parse(readFileSync(join(home, 'daemon.json'), 'utf8')) as { socket: string }
    const response = await fetch(`http://localhost${path}`, {
      unix: socket,
      method: 'POST',
      headers: {
        authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ session_id: uuid, ...body }),
      signal: this.#ending.signal,
    })
    if (!response.ok) throw new Error(`${path} answered ${response.status}`)
    return response.text()
  }
}
