/** One key agreement per sender, recipient prekey and certificate; its result lives in memory only, no longer than they do. */
import { createOpener } from '@claudemesh/crypto/sealing'
import { type Certificate, TIMES, toBase64url } from '@claudemesh/protocol'
import type { Party } from '../session/party.ts'
import type { RecipientKey } from '../store.ts'
import type { Target } from './targets.ts'

export interface Pair {
  readonly pairKey: Uint8Array
  readonly opener: Uint8Array
  readonly openerId: Uint8Array
  readonly certificate: Certificate | null
  readonly prekeyId: string
  readonly endsAt: number
  /** A receipt showed that the recipient has the opener. */
  known: boolean
}

/** Sealings whose receipt may still make an opener known. */
const MAX_REMEMBERED = 20_000

export class Pairs {
  readonly #mesh: Uint8Array
  readonly #now: () => number
  readonly #pairs = new Map<string, Pair>()
  readonly #usedIn = new Map<string, Pair>()

  constructor(mesh: Uint8Array, now: () => number) {
    this.#mesh = mesh
    this.#now = now
  }

  /** True when `of` has nothing to agree on. */
  has(party: Party, to: RecipientKey, target: Target): boolean {
    return this.#held(party, to, target) !== undefined
  }

  /** The pair for sealing from `party` to `target` now. An opener costs about 0.5 ms, once. */
  of(party: Party, to: RecipientKey, target: Target): Pair {
    const held = this.#held(party, to, target)
    if (held) return held
    const { opener, openerId, pairKey } = createOpener({
      mesh: this.#mesh,
      from: party.recipient,
      prekey: target.prekey,
    })
    const name = `${party.key}>${to}`
    const now = this.#now()
    const prekeyId = toBase64url(target.prekeyId)
    const { freshUntil, usableUntil } = target.prekey
    const prekeyEnds = now < freshUntil ? freshUntil : Math.min(usableUntil, now + TIMES.prekeyFreshMs)
    const endsAt = Math.min(prekeyEnds, party.certificate?.notAfter ?? prekeyEnds)
    this.#drop(name)
    const made = { pairKey, opener, openerId, certificate: party.certificate, prekeyId, endsAt, known: false }
    this.#pairs.set(name, made)
    return made
  }

  /** Remembers that the opener of `pair` travelled in this sealing. */
  travelled(id: string, to: RecipientKey, pair: Pair): void {
    this.#usedIn.set(`${id}>${to}`, pair)
    if (this.#usedIn.size > MAX_REMEMBERED) this.#usedIn.delete(this.#usedIn.keys().next().value!)
  }

  /** The recipient opened this sealing: its opener need not travel again. */
  opened(id: string, by: RecipientKey): void {
    const pair = this.#usedIn.get(`${id}>${by}`)
    if (!pair) return
    pair.known = true
    this.#usedIn.delete(`${id}>${by}`)
  }

  /** The recipient could not open: the next sealing begins with a new opener. */
  forget(from: RecipientKey, to: RecipientKey): void {
    this.#drop(`${from}>${to}`)
  }

  /** Wipes every key whose prekey is no longer fresh, or whose certificate ran out. */
  dropEnded(): void {
    const now = this.#now()
    for (const [name, { endsAt }] of this.#pairs) if (endsAt <= now) this.#drop(name)
  }

  #held(party: Party, to: RecipientKey, { prekeyId }: Target): Pair | undefined {
    const held = this.#pairs.get(`${party.key}>${to}`)
    const serves =
      held?.prekeyId === toBase64url(prekeyId) &&
      held.certificate === party.certificate &&
      this.#now() < held.endsAt
    return serves ? held : undefined
  }

  #drop(name: string): void {
    this.#pairs.get(name)?.pairKey.fill(0)
    this.#pairs.delete(name)
  }
}
