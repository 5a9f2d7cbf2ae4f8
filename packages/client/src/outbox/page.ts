/** What is sealed in one go: rows of many messages, or the crowd that one message goes to. */
import { LIMITS } from '@claudemesh/protocol'
import type { OutboxRecipientRow, OutboxStore, Owner } from '../store.ts'
import type { Target } from './targets.ts'

const PAGE_ROWS = 256
/** Rows of one message to a crowd: one commit and one question to the broker for all of them. */
const CROWD_ROWS = 1024
/** Envelopes sealed in one go: a few ms, so that acks and heartbeats are not kept waiting. */
export const PAGE_ENVELOPES = 128

export interface Addressed {
  readonly row: OutboxRecipientRow
  readonly target: Target
}

/** The oldest rows that may go out now. */
export function duePage(store: OutboxStore, owner: Owner, now: number): OutboxRecipientRow[] {
  const rows = store.due(owner, now, PAGE_ROWS)
  const isCrowd = rows.length === PAGE_ROWS && rows[0]!.msg === rows.at(-1)!.msg
  return isCrowd ? store.due(owner, now, CROWD_ROWS) : rows
}

/** Recipients by envelope: of one message each, no more than an envelope holds. */
export class Envelopes {
  readonly #open = new Map<string, Addressed[]>()
  readonly #all: (readonly Addressed[])[] = []

  /** Left for the next page where this one is full. */
  add(one: Addressed): void {
    const { msg } = one.row
    const group = this.#open.get(msg)
    if (group && group.length < LIMITS.recipientsPerEnvelope) group.push(one)
    else if (this.#all.length < PAGE_ENVELOPES) {
      const begun = [one]
      this.#open.set(msg, begun)
      this.#all.push(begun)
    }
  }

  get all(): readonly (readonly Addressed[])[] {
    return this.#all
  }
}
