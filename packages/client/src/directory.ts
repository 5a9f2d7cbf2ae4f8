/** Who is there: sessions as certificate, presence and profile prove them; counters never go back, what is unsigned is marked so. */
import { recipientKey, verifyAlias, verifyCertificate, verifyPresence } from '@claudemesh/crypto'
import { openProfile } from '@claudemesh/crypto/sealing'
import {
  type Certificate,
  type DirectoryEntry,
  directoryEntry,
  type Lease,
  MeshError,
  type PresenceRecord,
  type Profile,
  type Recipient,
  TIMES,
  toBase64url,
} from '@claudemesh/protocol'
import { z } from 'zod'
import type { Link } from './connection/link.ts'
import { directoryPages, type Verdicts } from './directory-pages.ts'
import type { Claims } from './roster/claims.ts'
import type { RosterKeeper } from './roster/keeper.ts'
import { memberName } from './roster/names.ts'
import { wireJson } from './store/wire-json.ts'
import type { ClientStore, RecipientKey } from './store.ts'
import type { Log, SessionView } from './types.ts'

interface Known {
  readonly recipient: Recipient
  readonly entry: DirectoryEntry
  readonly profile: Profile | null
  /** Of an alias that holds. */
  readonly former: readonly string[]
}

interface Heard {
  readonly recipient: Recipient
  /** Some claim in it calls for a roster fetch. */
  readonly fetch: boolean
}

/** Set when it was read to its end for the first time: who is not in it before that may be there all the same. */
const READ = 'directory-read'
/** Entries of members to come that are kept at most: who joins and attaches is told of before our roster has grown. */
const EARLY = 256

export class Directory {
  readonly #o: { store: ClientStore; keeper: RosterKeeper; claims: Claims; now: () => number; log: Log }
  readonly #known = new Map<RecipientKey, Known>()
  /** What was told of members that our roster does not have yet, the oldest first. */
  readonly #early = new Map<RecipientKey, DirectoryEntry>()
  /** Who was there when our own connection was lost: shown as away until its grace is over, then as offline. */
  #last: { readonly at: number; readonly here: ReadonlySet<RecipientKey> } | undefined
  /** Who was told of since a page was asked for, for each page that is under way. */
  readonly #told = new Set<Set<RecipientKey>>()

  constructor(o: { store: ClientStore; keeper: RosterKeeper; claims: Claims; now: () => number; log: Log }) {
    this.#o = o
    for (const row of o.store.directory.all()) {
      const entry = z.decode(directoryEntry, JSON.parse(row.entry))
      const { member, session } = entry.certificate
      // What we last heard is no word about now.
      this.#known.set(row.key, {
        recipient: { member, session },
        entry: { ...entry, lease: 'offline' },
        ...this.#saidBy(entry),
      })
    }
  }

  /** It was read to its end, now or before the last start. */
  get isWhole(): boolean {
    return this.#o.store.settings.get(READ) !== undefined
  }

  /** Everything, page by page; `came` is told of each before it is taken. Resolves to true when some claim calls for a roster fetch. */
  async load(link: Link, came: (isLast: boolean) => void = () => {}): Promise<boolean> {
    const known = (certificate: Certificate) => this.certificateOf(recipientKey(certificate))
    let fetch = false
    const pages = directoryPages(link, { listeners: this.#told, known, came })
    for await (const { entries, verdicts, told } of pages)
      this.#o.store.transaction(() => {
        for (const [i, entry] of entries.entries())
          if (!told.has(recipientKey(entry.certificate)))
            fetch = (this.#take(entry, verdicts?.[i])?.fetch ?? false) || fetch
      })
    this.#last = undefined
    if (!this.isWhole) this.#o.store.settings.set(READ, '1')
    return fetch
  }

  /** Takes one entry that was told just now, if it proves itself; `undefined` where it does not. */
  hear(entry: DirectoryEntry): Heard | undefined {
    const heard = this.#take(entry)
    if (heard) for (const told of this.#told) told.add(recipientKey(heard.recipient))
    return heard
  }

  #take(entry: DirectoryEntry, verdicts?: Verdicts): Heard | undefined {
    const { certificate, presence } = entry
    const recipient = { member: certificate.member, session: certificate.session }
    const key = recipientKey(recipient)
    const { keeper, store, now } = this.#o
    try {
      if (!this.#isMember(entry)) {
        this.#keep(key, entry)
        throw new MeshError('integrity', 'the certificate is of somebody who is no member')
      }
      const { mesh } = keeper.roster
      verifyCertificate(certificate, {
        mesh,
        at: now(),
        graceMs: TIMES.knownMs,
        known: this.certificateOf(key),
        verdict: verdicts?.certificate,
      })
      let fetch = this.#o.claims.hear(certificate.member, claimOf(certificate), certificate.notBefore)
      let shown = entry
      if (presence) {
        if (recipientKey({ member: presence.member, session: presence.session }) !== key)
          throw new MeshError('integrity', 'the presence is of another session')
        if (this.#isAhead(presence, verdicts?.presence))
          shown = { ...entry, presence: this.#known.get(key)?.entry.presence ?? null }
        else {
          const counter = `seen-presence/${key}`
          if (presence.counter < store.counters.get(counter))
            throw new MeshError('counter', 'an older presence was shown again')
          store.counters.set(counter, presence.counter)
          fetch = this.#o.claims.hear(presence.member, claimOf(presence), presence.counter) || fetch
        }
      }
      store.directory.put({ key, entry: wireJson(shown), at: now() })
      this.#known.set(key, { recipient, entry: shown, ...this.#saidBy(shown) })
      this.#early.delete(key)
      return { recipient, fetch }
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      this.#o.log('directory.refused', { key, code: error.code, message: error.message })
      return undefined
    }
  }

  /** What was told too early of those who are members by now: to be heard again. */
  takeEarly(): DirectoryEntry[] {
    const due = [...this.#early].filter(([, entry]) => this.#isMember(entry))
    for (const [key] of due) this.#early.delete(key)
    return due.map(([, entry]) => entry)
  }

  #isMember({ certificate }: DirectoryEntry): boolean {
    return this.#o.keeper.roster.members.has(toBase64url(certificate.member))
  }

  #keep(key: RecipientKey, entry: DirectoryEntry): void {
    this.#early.delete(key)
    this.#early.set(key, entry)
    const [oldest] = this.#early.keys()
    if (this.#early.size > EARLY) this.#early.delete(oldest!)
  }

  /** A record signed by a clock ahead of ours says nothing yet; who is there is the broker's word all the same. Throws what else is wrong with it. */
  #isAhead(presence: PresenceRecord, signed: boolean | undefined): boolean {
    const { keeper, now, log } = this.#o
    try {
      verifyPresence(presence, { mesh: keeper.roster.mesh, now: now(), signed })
      return false
    } catch (error) {
      if (!(error instanceof MeshError && error.code === 'clock')) throw error
      const { code, message } = error
      log('presence.ahead', { key: recipientKey(presence), code, message })
      return true
    }
  }

  /** Profiles of epochs whose key came after them. */
  reopen(): void {
    for (const [key, known] of this.#known)
      if (known.profile === null) this.#known.set(key, { ...known, ...this.#saidBy(known.entry) })
  }

  /** Nobody is known to be online without a connection; what is shown of them is that they were a moment ago. */
  offline(): void {
    this.#early.clear()
    const here = [...this.#known].filter(([, { entry }]) => entry.lease !== 'offline').map(([key]) => key)
    if (here.length > 0) this.#last = { at: this.#o.now(), here: new Set(here) }
    for (const [key, known] of this.#known)
      this.#known.set(key, { ...known, entry: { ...known.entry, lease: 'offline' } })
  }

  /** The certificate that was last verified of a session. */
  certificateOf(key: RecipientKey): Certificate | undefined {
    return this.#known.get(key)?.entry.certificate
  }

  leaseOf(key: RecipientKey): Lease {
    return this.#known.get(key)?.entry.lease ?? 'offline'
  }

  sessions(self: Uint8Array): SessionView[] {
    const { keeper } = this.#o
    const views: SessionView[] = []
    const last = this.#last && this.#o.now() - this.#last.at < TIMES.graceMs ? this.#last : undefined
    for (const [key, { recipient, entry, profile, former }] of this.#known) {
      const member = keeper.roster.members.get(toBase64url(recipient.member))
      if (!member) continue
      const { presence, hook } = entry
      const byHook = hook !== null && hook.at > (presence?.at ?? 0)
      views.push({
        recipient,
        uuid: entry.certificate.uuid,
        former,
        memberName: memberName(keeper, member),
        role: member.role,
        lease: entry.lease === 'offline' && last?.here.has(key) ? 'away' : entry.lease,
        leaseAt: entry.leaseAt,
        status: byHook ? hook.status : (presence?.status ?? 'unknown'),
        source: byHook ? 'hook@broker' : (presence?.source ?? 'daemon'),
        statusAt: byHook ? hook.at : (presence?.at ?? entry.leaseAt),
        profile,
        signed: !byHook && presence !== null,
        self: toBase64url(recipient.member) === toBase64url(self),
      })
    }
    return views
  }

  #saidBy(entry: DirectoryEntry): Pick<Known, 'profile' | 'former'> {
    const profile = this.#profileOf(entry)
    const { mesh, member, session, uuid } = entry.certificate
    if (!profile?.alias) return { profile, former: [] }
    try {
      verifyAlias(profile.alias, { mesh, member, session, uuid }, this.#o.now())
      return { profile, former: profile.alias.former.map(each => each.uuid) }
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      const key = recipientKey({ member, session })
      this.#o.log('alias.refused', { key, code: error.code, message: error.message })
      return { profile, former: [] }
    }
  }

  #profileOf({ presence }: DirectoryEntry): Profile | null {
    const epochKey = presence && this.#o.keeper.epochs.get(presence.epoch)
    if (!epochKey) return null
    const { mesh, member, session, epoch, profile: sealed } = presence
    try {
      return openProfile({ sealed, epochKey, epoch, mesh, member, session })
    } catch (error) {
      if (error instanceof MeshError) return null
      throw error
    }
  }
}

const claimOf = (signed: { rosterSeq: number; rosterHead: Uint8Array }) => ({
  seq: signed.rosterSeq,
  head: signed.rosterHead,
})
