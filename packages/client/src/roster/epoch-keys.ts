/** The keys of every epoch this member can know: its own copies, checked against their commitments, and all predecessors. */
import type { Roster } from '@claudemesh/crypto'
import { openEpochKey, openPreviousEpochKey } from '@claudemesh/crypto/sealing'
import { MeshError } from '@claudemesh/protocol'
import type { ClientStore } from '../store.ts'
import type { Log, MeshIdentity } from '../types.ts'

export interface EpochCopyFor {
  readonly epoch: number
  readonly copy: Uint8Array
}

export class EpochKeys {
  readonly #store: ClientStore
  readonly #identity: MeshIdentity
  readonly #roster: Roster
  readonly #log: Log
  readonly #keys = new Map<number, Uint8Array>()

  constructor(o: { store: ClientStore; identity: MeshIdentity; roster: Roster; log: Log }) {
    this.#store = o.store
    this.#identity = o.identity
    this.#roster = o.roster
    this.#log = o.log
    this.readAgain()
    this.#fillPredecessors()
  }

  /** Holds what the store holds, and nothing else. */
  readAgain(): void {
    this.#keys.clear()
    for (const row of this.#store.epochs.all()) this.#keys.set(row.number, row.key)
  }

  get(number: number): Uint8Array | undefined {
    return this.#keys.get(number)
  }

  /** Seq of the entry that began the present epoch while we hold no key for it. */
  missingSince(): number | undefined {
    const { number, beganSeq } = this.#roster.epoch
    return this.#keys.has(number) ? undefined : beganSeq
  }

  /** Opens our copies; one that does not meet its commitment is told and left out, the key stays missing. */
  accept(copies: readonly EpochCopyFor[]): void {
    const { member, agreement } = this.#identity
    for (const { epoch, copy } of copies) {
      const began = this.#roster.epochs[epoch - 1]
      if (!began || this.#keys.has(epoch)) continue
      try {
        const to = { key: member.publicKey, ...agreement }
        this.#keep(epoch, openEpochKey({ number: epoch, commitment: began.commitment, copy, to }))
      } catch (error) {
        if (!(error instanceof MeshError)) throw error
        this.#log('roster.epoch-copy-refused', { epoch, message: error.message })
      }
    }
    this.#fillPredecessors()
  }

  #keep(number: number, key: Uint8Array): void {
    this.#store.epochs.put({ number, key })
    this.#keys.set(number, key)
  }

  #fillPredecessors(): void {
    for (const row of predecessors(this.#roster, this.#keys)) this.#keep(row.number, row.key)
  }
}

/** Keys of earlier epochs that follow from the ones held, each checked against its commitment. Throws `integrity`. */
export function predecessors(
  roster: Roster,
  held: ReadonlyMap<number, Uint8Array>,
): { number: number; key: Uint8Array }[] {
  const found = new Map<number, Uint8Array>()
  for (let number = roster.epoch.number; number > 1; number--) {
    const key = held.get(number) ?? found.get(number)
    const epoch = roster.epochs[number - 1]
    const before = roster.epochs[number - 2]
    if (!key || held.has(number - 1) || !epoch?.previous || !before) continue
    const { commitment } = before
    found.set(number - 1, openPreviousEpochKey({ key, number, sealed: epoch.previous, commitment }))
  }
  return [...found].map(([number, key]) => ({ number, key }))
}
