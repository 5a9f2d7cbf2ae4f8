/** Opens one delivery in the order of SPEC section 5 and stops at the first failure; nothing here changes the store. */
import {
  certificateHash,
  compareRecipients,
  recipientKey,
  uuidText,
  verifyCertificate,
} from '@claudemesh/crypto'
import { acceptOpener, type OpenedEnvelope, openEnvelope, readSlot } from '@claudemesh/crypto/sealing'
import {
  type Certificate,
  certificate as certificateSchema,
  type DeliveredEnvelope,
  equalBytes,
  MeshError,
  type Recipient,
  TIMES,
  toBase64url,
} from '@claudemesh/protocol'
import { z } from 'zod'
import type { Core } from '../core.ts'
import type { Party } from '../session/party.ts'
import type { OpenerRow, RecipientKey } from '../store.ts'

/** What the sender is told of an envelope that did not open; `null`: nobody is told. */
type Unopened = 'stale-prekey' | 'unknown-opener' | 'undecryptable' | 'refused' | null

export interface Opened {
  readonly id: string
  readonly from: Recipient
  readonly fromKey: RecipientKey
  readonly envelope: DeliveredEnvelope
  readonly content: OpenedEnvelope
  readonly certificate: Certificate | null
  /** To be stored in the transaction that stores the message: it came with an opener we did not hold. */
  readonly opener: OpenerRow | null
  /** Its clock is ahead of ours: not shown before `sentAt`. */
  readonly early: boolean
}
export interface Refused {
  readonly id: string
  readonly fromKey: RecipientKey
  readonly envelope: DeliveredEnvelope
  readonly answer: Unopened
  readonly reason: string
}
export type Opening = { readonly ok: Opened } | { readonly refused: Refused }

interface KnownPair {
  readonly prekeyId: Uint8Array
  readonly pairKey: Uint8Array
  readonly certificate: Certificate | null
}
const MAX_CACHED = 5_000

export class Opener {
  readonly #core: Core
  readonly #pairs = new Map<string, KnownPair>()
  readonly #certificates = new Set<string>()

  constructor(core: Core) {
    this.#core = core
  }

  open(party: Party, envelope: DeliveredEnvelope): Opening {
    const { header } = envelope
    const fromKey = recipientKey(header.from)
    const id = uuidText(header.id)
    try {
      return { ok: this.#open(party, envelope, id, fromKey) }
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      const answer = error instanceof Unopenable ? error.answer : 'undecryptable'
      const reason = error instanceof Unopenable ? error.step : String(error.facts?.step ?? error.code)
      return { refused: { id, fromKey, envelope, answer, reason } }
    }
  }

  /** Wipes what was derived from prekeys whose secrets are gone. */
  forgetPairs(prekeys: readonly Uint8Array[]): void {
    for (const [name, { prekeyId, pairKey }] of this.#pairs)
      if (prekeys.some(id => equalBytes(id, prekeyId))) {
        this.#pairs.delete(name)
        pairKey.fill(0)
      }
  }

  #open(party: Party, envelope: DeliveredEnvelope, id: string, fromKey: RecipientKey): Opened {
    const { header, slot } = envelope
    const { identity, prekeys, keeper, store, now } = this.#core
    const mine = header.to.find(to => compareRecipients(to.recipient, party.recipient) === 0)
    if (!mine) throw new Unopenable('to', null)
    const prekey = prekeys.find(party.owner, mine.prekeyId)
    if (!prekey) throw new Unopenable('prekey', 'stale-prekey')
    if (!equalBytes(header.mesh, identity.mesh)) throw new Unopenable('mesh', null)
    if (!keeper.roster.members.has(toBase64url(header.from.member))) throw new Unopenable('member', null)

    const { opener, openerId } = readSlot(slot)
    const name = `${fromKey}>${toBase64url(mine.prekeyId)}>${toBase64url(openerId)}`
    const accept = (bytes: Uint8Array) =>
      acceptOpener({
        mesh: identity.mesh,
        opener: bytes,
        from: header.from,
        to: party.recipient,
        prekeyId: prekey.id,
        secret: prekey.secret,
      })
    let known = this.#pairs.get(name)
    if (!known && opener === null) {
      const row = store.openers.find(party.owner, fromKey, mine.prekeyId, openerId)
      if (!row) throw new Unopenable('opener', 'unknown-opener')
      const stored =
        row.certificate === null ? null : z.decode(certificateSchema, JSON.parse(row.certificate))
      known = { prekeyId: prekey.id, pairKey: accept(row.opener), certificate: stored }
      this.#remember(name, known)
    }
    if (opener === null) this.#checkCertificate(known!.certificate, header.from, header.sentAt)
    const pairKey = known?.pairKey ?? accept(opener!)
    const content = openEnvelope({
      envelope,
      mesh: identity.mesh,
      me: party.recipient,
      prekeyId: prekey.id,
      pairKey,
    })
    // With the opener comes the certificate it was made under; it is checked before anything counts.
    const certificate = opener === null ? known!.certificate : content.plaintext.certificate
    if (opener !== null) this.#checkCertificate(certificate, header.from, header.sentAt)
    if (now() > header.sentAt + header.ttl + TIMES.lateMs) throw new Unopenable('time', 'refused')
    let row: OpenerRow | null = null
    if (opener !== null && !known) {
      this.#remember(name, { prekeyId: prekey.id, pairKey, certificate })
      row = {
        owner: party.owner,
        from: fromKey,
        prekeyId: prekey.id,
        openerId: openerId.slice(),
        opener: opener.slice(),
        certificate: certificate && JSON.stringify(z.encode(certificateSchema, certificate)),
        at: now(),
      }
    }
    const early = header.sentAt > now() + TIMES.idSkewMs
    return { id, from: header.from, fromKey, envelope, content, certificate, opener: row, early }
  }

  #checkCertificate(certificate: Certificate | null, from: Recipient, sentAt: number): void {
    if (from.session === null) {
      if (certificate !== null) throw new Unopenable('certificate', 'undecryptable')
      return
    }
    if (
      !certificate ||
      !equalBytes(certificate.member, from.member) ||
      !equalBytes(certificate.session, from.session)
    )
      throw new Unopenable('certificate', 'undecryptable')
    const hash = toBase64url(certificateHash(certificate))
    if (this.#certificates.has(hash)) {
      const { notBefore, notAfter } = certificate
      if (sentAt < notBefore - TIMES.idSkewMs || sentAt > notAfter)
        throw new Unopenable('certificate', 'undecryptable')
      return
    }
    try {
      verifyCertificate(certificate, { mesh: this.#core.identity.mesh, at: sentAt })
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      throw new Unopenable('certificate', 'undecryptable')
    }
    if (this.#certificates.size >= MAX_CACHED) this.#certificates.clear()
    this.#certificates.add(hash)
  }

  #remember(name: string, pair: KnownPair): void {
    if (this.#pairs.size >= MAX_CACHED) this.#pairs.delete(this.#pairs.keys().next().value!)
    this.#pairs.set(name, pair)
  }
}

class Unopenable extends MeshError {
  readonly step: string
  readonly answer: Unopened
  constructor(step: string, answer: Unopened) {
    super('integrity', `envelope refused at ${step}`, { facts: { step } })
    this.step = step
    this.answer = answer
  }
}
