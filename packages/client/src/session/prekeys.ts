/** Our own prekeys: stored before they are published; the newest of each owner is current, older ones still open what was sealed to them. */
import { prekeyId } from '@claudemesh/crypto'
import { type AgreementSecret, makePrekey } from '@claudemesh/crypto/sealing'
import {
  concatBytes,
  LIMITS,
  type PrekeyBundle,
  prekeyBundle,
  TIMES,
  toBase64url,
} from '@claudemesh/protocol'
import { z } from 'zod'
import { nextCounter } from '../counter.ts'
import type { ClientStore, Owner } from '../store.ts'
import type { Party } from './party.ts'

/** Made anew at this age, so that a published bundle is always fresh (2 h). */
const RENEW_MS = TIMES.prekeyFreshMs / 2

export interface OwnPrekey {
  readonly id: Uint8Array
  readonly owner: Owner
  readonly bundle: PrekeyBundle
  readonly secret: AgreementSecret
}

export class Prekeys {
  readonly #store: ClientStore
  readonly #mesh: Uint8Array
  readonly #byId = new Map<string, OwnPrekey>()
  readonly #current = new Map<Owner, OwnPrekey>()

  constructor(store: ClientStore, mesh: Uint8Array) {
    this.#store = store
    this.#mesh = mesh
    for (const row of store.prekeys.all())
      this.#hold({
        id: row.id,
        owner: row.owner,
        bundle: z.decode(prekeyBundle, JSON.parse(row.bundle)),
        secret: { x25519: row.secret.slice(0, 32), xwing: row.secret.slice(32, 64) },
      })
  }

  find(owner: Owner, id: Uint8Array): OwnPrekey | undefined {
    const found = this.#byId.get(toBase64url(id))
    return found?.owner === owner ? found : undefined
  }

  /** The current one; made, and stored, where there is none or it is an hour old. */
  current(party: Party, now: number): OwnPrekey {
    const held = this.#current.get(party.owner)
    if (held && now - held.bundle.n < RENEW_MS) return held
    return this.#store.transaction(() => {
      const n = nextCounter(this.#store, `prekey/${party.owner}`, now)
      const { prekey, secret } = makePrekey({
        mesh: this.#mesh,
        owner: party.recipient,
        n,
        signer: party.signer,
      })
      const made = { id: prekeyId(prekey), owner: party.owner, bundle: prekey, secret }
      this.#store.prekeys.put({
        id: made.id,
        owner: party.owner,
        n,
        bundle: JSON.stringify(z.encode(prekeyBundle, prekey)),
        secret: concatBytes(secret.x25519, secret.xwing),
      })
      this.#hold(made)
      return made
    })
  }

  isDue(party: Party, now: number): boolean {
    const held = this.#current.get(party.owner)
    return !held || now - held.bundle.n >= RENEW_MS
  }

  /** Erases what nobody may seal to any more and nothing queued can need. */
  forget(now: number): void {
    for (const held of [...this.#byId.values()]) {
      const ended = held.bundle.usableUntil + LIMITS.ttlMs + TIMES.lateMs
      if (ended >= now || this.#current.get(held.owner) === held) continue
      this.#store.prekeys.remove(held.id)
      this.#byId.delete(toBase64url(held.id))
    }
  }

  #hold(made: OwnPrekey): void {
    this.#byId.set(toBase64url(made.id), made)
    const current = this.#current.get(made.owner)
    if (!current || current.bundle.n < made.bundle.n) this.#current.set(made.owner, made)
  }
}
