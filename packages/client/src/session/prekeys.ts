/** Our own prekeys: stored before they are published, replaced every hour, and erased when nothing that was queued can need them. */
import { prekeyId } from '@claudemesh/crypto'
import { type AgreementSecret, eraseAgreement, makePrekey } from '@claudemesh/crypto/sealing'
import { concatBytes, type PrekeyBundle, prekeyBundle, TIMES, toBase64url } from '@claudemesh/protocol'
import { z } from 'zod'
import { nextCounter } from '../counter.ts'
import type { ClientStore, Owner, PrekeyLife } from '../store.ts'
import type { Party } from './party.ts'
import { isAged, isForgotten, isWorn } from './prekey-life.ts'

/** Attached time is written this far ahead, so that a crash makes a secret go earlier, never later. */
const AHEAD_MS = 5 * 60_000

export interface OwnPrekey {
  readonly id: Uint8Array
  readonly owner: Owner
  readonly bundle: PrekeyBundle
  readonly secret: AgreementSecret
  life: PrekeyLife
}

export class Prekeys {
  readonly #store: ClientStore
  readonly #mesh: Uint8Array
  readonly #byId = new Map<string, OwnPrekey>()
  /** Of each owner, the newest last. */
  readonly #byOwner = new Map<Owner, OwnPrekey[]>()
  /** Made by this process: at its start every owner gets a new one. */
  readonly #ours = new Set<OwnPrekey>()
  /** What the store says of attached time, which runs ahead. */
  readonly #written = new Map<OwnPrekey, number>()

  constructor(store: ClientStore, mesh: Uint8Array) {
    this.#store = store
    this.#mesh = mesh
    const rows = store.prekeys.all().sort((a, b) => a.n - b.n)
    for (const { id, owner, bundle, secret, publishedAt, queuedUpTo, attachedMs } of rows)
      this.#hold({
        id,
        owner,
        bundle: z.decode(prekeyBundle, JSON.parse(bundle)),
        secret: { x25519: secret.slice(0, 32), xwing: secret.slice(32, 64) },
        life: { publishedAt, queuedUpTo, attachedMs },
      })
  }

  find(owner: Owner, id: Uint8Array): OwnPrekey | undefined {
    const found = this.#byId.get(toBase64url(id))
    return found?.owner === owner ? found : undefined
  }

  /** What others may seal to now: the newest that the broker has; before the first one was published, the newest of all. */
  current(party: Party, now: number): OwnPrekey {
    const own = this.#of(party.owner)
    return own.findLast(each => each.life.publishedAt !== null) ?? own.at(-1) ?? this.#make(party, now)
  }

  /** What to attach with: a new one, stored, where the newest is an hour old or of another process. */
  renewed(party: Party, now: number): OwnPrekey {
    const newest = this.#of(party.owner).at(-1)
    return newest && this.#serves(newest, now) ? newest : this.#make(party, now)
  }

  /** True when attaching would publish something new. */
  isDue(party: Party, now: number): boolean {
    const newest = this.#of(party.owner).at(-1)
    return !newest || !this.#serves(newest, now) || newest.life.publishedAt === null
  }

  /** The broker has it, and told of the queue up to this seq. Only the first time counts. */
  published(prekey: OwnPrekey, at: number, queuedUpTo: number): void {
    if (prekey.life.publishedAt !== null) return
    this.#write(prekey, { ...prekey.life, publishedAt: at, queuedUpTo })
  }

  /** What came up to this seq stands in the store. To be called in the transaction that stores it. */
  taken(owner: Owner, upTo: number): void {
    if (this.#takenUpTo(owner) < upTo) this.#store.counters.set(takenName(owner), upTo)
  }

  /** Its owner was attached for so long; written in blocks. */
  attachedFor(owner: Owner, ms: number): void {
    for (const own of this.#of(owner)) {
      own.life = { ...own.life, attachedMs: own.life.attachedMs + ms }
      if (own.life.attachedMs <= (this.#written.get(own) ?? 0)) continue
      this.#write(own, own.life)
    }
  }

  /**
   * Erases every secret that would be due before the next look in `lookMs`, with the openers kept under it; answers their ids.
   * The store's files are clean after its `purge`.
   */
  eraseWorn(now: number, lookMs: number): Uint8Array[] {
    const worn: OwnPrekey[] = []
    for (const [owner, all] of this.#byOwner) {
      const published = all.filter(each => each.life.publishedAt !== null)
      // Asked of the store only where one has a successor.
      const taken = all.length > 1 ? this.#takenUpTo(owner) : 0
      for (const own of all) {
        const newer = published.filter(each => each.bundle.n > own.bundle.n).map(each => each.life)
        const last = own === all.at(-1)
        if (isForgotten(own.bundle, now) || (!last && isWorn(own.life, newer, { taken, now, lookMs })))
          worn.push(own)
      }
    }
    this.#drop(worn)
    return worn.map(own => own.id)
  }

  #drop(all: readonly OwnPrekey[]): void {
    if (all.length === 0) return
    this.#store.transaction(() => {
      for (const own of all) this.#store.prekeys.remove(own.id)
    })
    for (const own of all) this.#erased(own)
  }

  #serves(own: OwnPrekey, now: number): boolean {
    const taken = own.life.publishedAt !== null || own.bundle.n <= now + TIMES.idSkewMs
    // A record of ours that the broker has and this store never made: what follows goes above it.
    const newest = own.bundle.n >= this.#store.counters.get(`prekey/${own.owner}`)
    return taken && newest && this.#ours.has(own) && !isAged(own.bundle, now)
  }

  #make(party: Party, now: number): OwnPrekey {
    return this.#store.transaction(() => {
      const n = nextCounter(this.#store, `prekey/${party.owner}`, now)
      // Made by a clock that was ahead: nobody took it, nobody will.
      this.#drop(this.#of(party.owner).filter(own => own.bundle.n >= n && own.life.publishedAt === null))
      const { prekey, secret } = makePrekey({
        mesh: this.#mesh,
        owner: party.recipient,
        n,
        signer: party.signer,
      })
      const life = { publishedAt: null, queuedUpTo: 0, attachedMs: 0 }
      const made = { id: prekeyId(prekey), owner: party.owner, bundle: prekey, secret, life }
      const bytes = concatBytes(secret.x25519, secret.xwing)
      const bundle = JSON.stringify(z.encode(prekeyBundle, prekey))
      this.#store.prekeys.put({ id: made.id, owner: party.owner, n, bundle, secret: bytes, ...life })
      bytes.fill(0)
      this.#hold(made)
      this.#ours.add(made)
      return made
    })
  }

  /** With attached time written ahead, since it is attached from now on: its first look need not write. */
  #write(own: OwnPrekey, life: PrekeyLife): void {
    own.life = life
    const attachedMs = Math.max(life.attachedMs + AHEAD_MS, this.#written.get(own) ?? 0)
    this.#written.set(own, attachedMs)
    this.#store.prekeys.update(own.id, { ...life, attachedMs })
  }

  #erased(own: OwnPrekey): void {
    this.#byId.delete(toBase64url(own.id))
    this.#byOwner.set(
      own.owner,
      this.#of(own.owner).filter(each => each !== own),
    )
    this.#ours.delete(own)
    this.#written.delete(own)
    eraseAgreement(own.secret)
  }

  #hold(own: OwnPrekey): void {
    this.#byId.set(toBase64url(own.id), own)
    this.#byOwner.set(own.owner, [...this.#of(own.owner), own])
    this.#written.set(own, own.life.attachedMs)
  }

  #of(owner: Owner): OwnPrekey[] {
    return this.#byOwner.get(owner) ?? []
  }

  #takenUpTo(owner: Owner): number {
    return this.#store.counters.get(takenName(owner))
  }
}

const takenName = (owner: Owner): string => `taken/${owner}`
