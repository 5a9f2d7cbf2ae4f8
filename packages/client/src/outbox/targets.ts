/** The keys others are sealed to: verified, never older than the newest seen, stale ones only for who is offline. */
import { judgePrekey, prekeyId, recipientKey, verifyCertificate, verifyPrekey } from '@claudemesh/crypto'
import {
  type BrokerFrameOf,
  type Certificate,
  equalBytes,
  type Lease,
  LIMITS,
  MeshError,
  type PrekeyBundle,
  type Recipient,
  TIMES,
  toBase64url,
} from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { recipientOfKey } from '../session/party.ts'
import type { RecipientKey } from '../store.ts'

export interface Target {
  readonly recipient: Recipient
  readonly prekey: PrekeyBundle
  readonly prekeyId: Uint8Array
  readonly lease: Lease
}
const MAX_RAISED = 10_000
/** Fewer prekeys are verified at once: going to another thread is worth it for a crowd alone. */
const CROWD = 16
type TargetsCore = Pick<Core, 'store' | 'keeper' | 'claims' | 'directory' | 'now' | 'log'>
type Bundle = BrokerFrameOf<'prekeys'>['bundles'][number]

export class Targets {
  readonly #o: TargetsCore
  readonly #held = new Map<RecipientKey, Target>()
  readonly #absent = new Set<RecipientKey>()
  /** Leases told of since keys were last asked for: newer than what comes with the keys. */
  readonly #heard = new Map<RecipientKey, Lease>()
  /** Highest n known to stand in the store: most words of a peer name the same one again. */
  readonly #raised = new Map<RecipientKey, number>()

  constructor(o: TargetsCore) {
    this.#o = o
  }

  /** What may be sealed to now, if we hold it. */
  get(key: RecipientKey): Target | undefined {
    const held = this.#held.get(key)
    if (!held || !this.#usable(held)) return undefined
    return held
  }

  /** A session that the broker, asked last, did not know. */
  isAbsent(key: RecipientKey): boolean {
    return this.#absent.has(key)
  }

  /**
   * Asks the broker; what does not prove itself is left out. `taken` is waited for after each part of the answer, while the broker is
   * at the next. True when a claim calls for a roster fetch.
   */
  async fetch(
    link: Link,
    keys: readonly RecipientKey[],
    taken: (keys: ReadonlySet<RecipientKey>) => Promise<void>,
  ): Promise<boolean> {
    this.#heard.clear()
    const asked = []
    for (let i = 0; i < keys.length; i += LIMITS.prekeysPerRequest) {
      const part = keys.slice(i, i + LIMITS.prekeysPerRequest)
      const frame = { type: 'prekeys.get', recipients: part.map(recipientOfKey) } as const
      const judged = link.request(frame, 'prekeys').then(reply => judgeAside(reply.bundles))
      // Nobody waits for it where one before it failed.
      judged.catch(() => {})
      asked.push({ part, judged })
    }
    let isClaimed = false
    for (const { part, judged } of asked) {
      const all = await judged
      this.#o.store.transaction(() => {
        for (const { bundle, signed } of all) isClaimed = this.#hear(bundle, signed) || isClaimed
      })
      await taken(new Set(part))
    }
    return isClaimed
  }

  /** A bundle that came in an answer signed by its owner. */
  renew(recipient: Recipient, prekey: PrekeyBundle): void {
    const key = recipientKey(recipient)
    try {
      this.#hold(key, recipient, prekey, { lease: this.#held.get(key)?.lease ?? 'online' })
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      this.#o.log('prekey.refused', { key, code: error.code, message: error.message })
    }
  }

  /** The owner says that its current prekey has this number: an older one is not used again. */
  outdate(key: RecipientKey, n: number): void {
    if (n > this.#o.now() + TIMES.idSkewMs) return
    const held = this.#held.get(key)
    if (held && held.prekey.n < n) this.#held.delete(key)
    this.#raise(key, n)
  }

  /** Whether a stale prekey may be used hangs on the lease. */
  heard(key: RecipientKey, lease: Lease): void {
    this.#heard.set(key, lease)
    const held = this.#held.get(key)
    if (held && held.lease !== lease) this.#held.set(key, { ...held, lease })
  }

  forget(key: RecipientKey): void {
    this.#held.delete(key)
  }

  #usable({ prekey, lease }: Target): boolean {
    const now = this.#o.now()
    return now < prekey.freshUntil || (lease === 'offline' && now < prekey.usableUntil)
  }

  #hear({ recipient, certificate, prekey, lease }: Bundle, signed: boolean | undefined): boolean {
    const key = recipientKey(recipient)
    if (prekey) this.#absent.delete(key)
    else if (recipient.session !== null) this.#absent.add(key)
    if (!prekey) return false
    try {
      const claims = recipient.session === null ? false : this.#checkCertificate(recipient, certificate)
      this.#hold(key, recipient, prekey, { lease: this.#heard.get(key) ?? lease, signed })
      return claims
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      this.#o.log('prekey.refused', { key, code: error.code, message: error.message })
      return false
    }
  }

  #checkCertificate(recipient: Recipient, certificate: Certificate | null): boolean {
    const { keeper, claims, directory, now } = this.#o
    if (
      !certificate ||
      !equalBytes(certificate.member, recipient.member) ||
      !recipient.session ||
      !equalBytes(certificate.session, recipient.session)
    )
      throw new MeshError('integrity', 'the certificate is not of this session')
    const known = directory.certificateOf(recipientKey(recipient))
    verifyCertificate(certificate, { mesh: keeper.roster.mesh, at: now(), graceMs: TIMES.knownMs, known })
    const claim = { seq: certificate.rosterSeq, head: certificate.rosterHead }
    return claims.hear(certificate.member, claim, certificate.notBefore)
  }

  /** `signed`: what `judgePrekey` said of it, where it was asked. */
  #hold(
    key: RecipientKey,
    recipient: Recipient,
    prekey: PrekeyBundle,
    { lease, signed }: { lease: Lease; signed?: boolean | undefined },
  ): void {
    const { keeper, store, now } = this.#o
    if (!keeper.roster.members.has(toBase64url(recipient.member)))
      throw new MeshError('integrity', 'the prekey is of somebody who is no member')
    if (recipientKey({ member: prekey.member, session: prekey.session }) !== key)
      throw new MeshError('integrity', 'the prekey is of somebody else')
    verifyPrekey(prekey, { mesh: keeper.roster.mesh, now: now(), signed })
    if (prekey.n < store.counters.get(seenName(key)))
      throw new MeshError('counter', 'an older prekey than one seen before was shown')
    this.#raise(key, prekey.n)
    this.#held.set(key, { recipient, prekey, prekeyId: prekeyId(prekey), lease })
  }

  /** What was written in a transaction that failed does not stand in the store. */
  rolledBack(): void {
    this.#raised.clear()
  }

  #raise(key: RecipientKey, n: number): void {
    if ((this.#raised.get(key) ?? 0) >= n) return
    const { counters } = this.#o.store
    if (counters.get(seenName(key)) < n) counters.set(seenName(key), n)
    if (this.#raised.size >= MAX_RAISED) this.#raised.clear()
    this.#raised.set(key, n)
  }
}

/** The signatures of many prekeys are verified on other threads; of few, when they are taken. */
const judgeAside = (bundles: readonly Bundle[]) =>
  Promise.all(
    bundles.map(async bundle => ({
      bundle,
      signed: bundle.prekey && bundles.length >= CROWD ? await judgePrekey(bundle.prekey) : undefined,
    })),
  )

const seenName = (key: RecipientKey): string => `seen-prekey/${key}`
