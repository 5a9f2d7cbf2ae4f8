/** A client that its broker's log stopped looks out for the owner's word on that log, and goes on when it stands in the roster. */
import { MeshError } from '@claudemesh/protocol'
import { dialMember } from '../connection/dial-member.ts'
import type { Core } from '../core.ts'
import { requireNamedBroker } from '../roster/standing.ts'
import { syncRoster } from '../roster/sync.ts'
import type { MeshState } from '../types.ts'
import { isAuditBroken } from './heads.ts'
import { hasFollowed, newestRestore } from './restored.ts'

/** It looks after half to all of this: nobody waits longer, and a restored broker is not asked by all at once. */
const LOOK_MS = 60_000

export interface AwaitOwnerPort {
  readonly webSocket: typeof WebSocket
  readonly random: () => number
  /** The roster may be longer than `began`. */
  readonly grew: (began: number) => void
  /** Connects anew: the owner has spoken. */
  readonly again: () => void
}

export class AwaitOwner {
  readonly #core: Core
  readonly #port: AwaitOwnerPort
  /** The entry that was followed before: what is stopped again is not helped by it. */
  #tried = 0
  #cancel = (): void => {}

  constructor(core: Core, port: AwaitOwnerPort) {
    this.#core = core
    this.#port = port
  }

  /** Looks out while the connection is stopped for the sake of the log, and no longer. */
  state(state: MeshState, why: MeshError | null): void {
    this.stop()
    if (state === 'stopped' && why && isAuditBroken(why)) this.#wait()
  }

  stop(): void {
    this.#cancel()
  }

  #wait(): void {
    let ended = false
    const cancel = this.#core.schedule(LOOK_MS * (0.5 + this.#port.random() / 2), async () => {
      const spoken = await this.#look()
      if (ended) return
      if (spoken) this.#port.again()
      else this.#wait()
    })
    this.#cancel = () => {
      ended = true
      cancel()
    }
  }

  /** The roster alone is fetched, on a connection of its own; nothing is sealed and nothing is attached. */
  async #look(): Promise<boolean> {
    const { keeper, log } = this.#core
    const began = keeper.roster.seq
    try {
      const link = await dialMember(this.#core, this.#port.webSocket, {})
      try {
        await syncRoster(link, keeper)
        requireNamedBroker(keeper, link)
      } finally {
        link.close()
        this.#port.grew(began)
      }
      const restore = newestRestore(this.#core)
      if (!restore || restore.seq <= this.#tried || hasFollowed(this.#core, restore)) return false
      this.#tried = restore.seq
      return true
    } catch (error) {
      // Also of a store that was closed meanwhile: nobody waits for this, and the next look comes.
      const code = error instanceof MeshError ? error.code : 'internal'
      log('audit.owner-not-heard', { code, message: String(error) })
      return false
    }
  }
}
