/** What a mesh asks of the first owner or admin whose client is online: the rekey after a leave, and an end in writing for every expired invite. */
import { mayWrite } from '@claudemesh/crypto'
import { toBase64url } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { appendEntry, entryTime, signedDraft } from '../roster/append.ts'
import { draftEpoch } from './epoch-drafts.ts'

const BELIEVED = 'rekey-for-lost-copies'
const BELIEVED_EVERY_MS = 3_600_000

export class Chores {
  readonly #core: Core
  #busy = false

  constructor(core: Core) {
    this.#core = core
  }

  /** Writes what is due, one run at a time; what fails is logged. True if anything may have been written. */
  async run(link: Link): Promise<boolean> {
    if (this.#busy) return false
    this.#busy = true
    try {
      await writeDueRekey(this.#core, link)
      while (await revokeExpired(this.#core, link));
    } catch (error) {
      this.#core.log('roster.chores-failed', { message: String(error) })
    } finally {
      this.#busy = false
    }
    return true
  }
}

const may = ({ keeper, identity }: Core, kind: 'rekey' | 'invite-revoke'): boolean => {
  const self = keeper.roster.members.get(toBase64url(identity.member.publicKey))
  return self !== undefined && mayWrite(kind, self.role)
}

/** True if it was written. */
export async function writeDueRekey(core: Core, link: Link): Promise<boolean> {
  const { keeper, store, now } = core
  // The broker says that it lost the copies of the present key. It may lie: it is believed once an hour.
  const believed = now() - store.counters.get(BELIEVED) >= BELIEVED_EVERY_MS
  const due = () => keeper.roster.rekeyDue || (keeper.copiesMissing && believed)
  const lost = !keeper.roster.rekeyDue
  const written = await appendEntry(link, keeper, () => {
    if (!due() || !may(core, 'rekey')) return null
    const at = entryTime(core)
    const { epoch, copies } = draftEpoch(keeper, at, null)
    return signedDraft(core, 'rekey', { epoch }, { copies, at })
  })
  if (written && lost) store.counters.set(BELIEVED, now())
  return written !== null
}

/** Ends one invite that is past its time, in writing. True if there was one. */
async function revokeExpired(core: Core, link: Link): Promise<boolean> {
  const { keeper } = core
  const written = await appendEntry(link, keeper, () => {
    if (!may(core, 'invite-revoke')) return null
    const at = entryTime(core)
    for (const { state, hash, entry } of keeper.roster.invites.values())
      if (state === 'expired' || (state === 'open' && entry.body.expiresAt < at))
        return signedDraft(core, 'invite-revoke', { invite: hash })
    return null
  })
  return written !== null
}
