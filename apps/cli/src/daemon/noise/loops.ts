/**
 * Finds two agents that send each other ever the same: of the last messages between a session here and one peer in one thread,
 * no person having spoken in between, all are short and each side says no more than two things. Pure but for its memory.
 */

/** A conversation: a session of this machine, a peer's key, a thread or '' outside of one. */
export interface Conversation {
  readonly uuid: string
  readonly peer: string
  readonly threadId: string | null
}
interface Said {
  readonly mine: boolean
  readonly text: string
}

/** Longer texts are work, not ping-pong. Characters. */
const SHORT = 280
/** Different texts of one side that still count as the same over and over. */
const ALTERNATING = 2
const MOST_CONVERSATIONS = 1_000

/** What is left when it does not matter how it is written: lower-case words, numbers all alike. */
export const essence = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\p{N}+/gu, '0')
    .replace(/[^\p{L}0]+/gu, ' ')
    .trim()

export class Loops {
  readonly #said = new Map<string, Said[]>()

  /** True when with this text the last `most` messages of the conversation are a loop; it is counted anew then. */
  hear(where: Conversation, mine: boolean, text: string, most: number): boolean {
    const name = `${where.uuid}>${where.peer}>${where.threadId ?? ''}`
    const said = this.#said.get(name) ?? []
    this.#said.delete(name)
    if (text.length > SHORT) return false
    said.push({ mine, text: essence(text) })
    if (said.length > most) said.shift()
    this.#said.set(name, said)
    if (this.#said.size > MOST_CONVERSATIONS) this.#said.delete(this.#said.keys().next().value!)
    if (said.length < most || !isLoop(said)) return false
    this.#said.delete(name)
    return true
  }

  /** A person spoke in the session: what was said before is no loop. */
  prompted(uuid: string): void {
    for (const name of this.#said.keys()) if (name.startsWith(`${uuid}>`)) this.#said.delete(name)
  }
}

/** Both sides speak, neither much more than the other, and each says the same, or two things in turn. */
function isLoop(said: readonly Said[]): boolean {
  return [true, false].every(side => {
    const texts = said.filter(({ mine }) => mine === side).map(({ text }) => text)
    return texts.length >= Math.floor(said.length / 3) && new Set(texts).size <= ALTERNATING
  })
}
