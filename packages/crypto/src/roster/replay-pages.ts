/** Replays a chain as it comes, page by page; the signatures of a page are verified on other threads meanwhile. */
import type { RosterEntry } from '@claudemesh/protocol'
import { beginRoster, checkJudged } from './replay.ts'
import { JudgedAside } from './signatures.ts'
import { broken, type Roster } from './state.ts'

/** The same verdict on a chain as `replayRoster`. At most two pages of signatures are under way. */
export class PagedReplay {
  readonly #mesh: Uint8Array
  #roster: Roster | undefined
  #before = new JudgedAside()

  /** @param mesh the mesh id that the first entry must hash to, 32 bytes. */
  constructor(mesh: Uint8Array) {
    this.#mesh = mesh
  }

  /**
   * Takes the next entries of the chain. Resolves when those of the pages before it are verified.
   * @param now the reader's own clock, ms since 1970.
   * @throws MeshError as `openRoster` and `applyEntry` do, for the first entry that is broken; nothing comes of the chain then.
   */
  async add(entries: readonly RosterEntry[], now: number): Promise<void> {
    const [before, these] = [this.#before, new JudgedAside()]
    try {
      for (const entry of entries)
        if (this.#roster) checkJudged(this.#roster, entry, these.judge, now).apply()
        else this.#roster = beginRoster(entry, this.#mesh, these.judge)
    } catch (error) {
      // A signature in front of it that does not hold is what breaks the chain.
      await before.settled()
      await these.settled()
      throw error
    }
    await before.settled()
    this.#before = these
  }

  /** The roster, when every signature is verified. Throws as `add`, and for a chain that is empty. */
  async whole(): Promise<Roster> {
    await this.#before.settled()
    if (!this.#roster) throw broken('no-genesis', 'the chain is empty', 'entries')
    return this.#roster
  }
}
