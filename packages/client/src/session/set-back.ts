/**
 * A store that was set back (a home restored from a copy, a machine from a snapshot) would give numbers of its line a second
 * time. Our own signed records show it: the broker has a newer one than this store ever made. A new line begins then.
 */
import { verifyPrekey, verifyPresence } from '@claudemesh/crypto'
import {
  LIMITS,
  MeshError,
  type PrekeyBundle,
  parseAs,
  prekeyBundle,
  presenceRecord,
  TIMES,
} from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { beginLine } from '../outbox/line.ts'
import type { Party } from './party.ts'

/** Asks the broker what it has of us, before anything new is published. True if our store was set back. */
export async function isSetBack(core: Core, link: Link): Promise<boolean> {
  const parties = [...core.parties.values()]
  let setBack = false
  for (let i = 0; i < parties.length; i += LIMITS.prekeysPerRequest) {
    const asked = parties.slice(i, i + LIMITS.prekeysPerRequest)
    const recipients = asked.map(party => party.recipient)
    const { bundles } = await link.request({ type: 'prekeys.get', recipients }, 'prekeys')
    for (const [at, party] of asked.entries()) {
      const prekey = bundles[at]?.prekey
      if (prekey) setBack = hearPrekey(core, party, prekey) || setBack
    }
  }
  if (setBack) beginLine(core.store)
  return setBack
}

/**
 * The broker refused a record as older than the one that stands: what is ours there raises our counters.
 * `again`: another try goes above it; `setBack`: our store never made it, and a new line began.
 */
export function hearStanding(
  core: Core,
  party: Party,
  refused: MeshError,
): { again: boolean; setBack: boolean } {
  const prekey = parseAs(prekeyBundle, refused.facts?.standing)
  if (prekey.success) {
    const setBack = hearPrekey(core, party, prekey.data)
    if (setBack) beginLine(core.store)
    return { again: setBack, setBack }
  }
  const presence = parseAs(presenceRecord, refused.facts?.standing)
  if (
    !presence.success ||
    !isOwn(() => verifyPresence(presence.data, { mesh: core.identity.mesh, now: presence.data.counter }))
  )
    return { again: false, setBack: false }
  return { again: raise(core, `presence/${party.owner}`, presence.data.counter), setBack: false }
}

/** True if this store never came so far. */
function hearPrekey(core: Core, { owner, recipient }: Party, prekey: PrekeyBundle): boolean {
  const { mesh } = core.identity
  // Whose it is stands in what is signed: nobody but us could have made it.
  const claimed = { ...prekey, ...recipient }
  if (!isOwn(() => verifyPrekey(claimed, { mesh, now: prekey.n }))) return false
  return raise(core, `prekey/${owner}`, prekey.n)
}

/** True if it was lower. One further ahead than anybody accepts says nothing. */
function raise({ store, now }: Core, name: string, value: number): boolean {
  if (value <= store.counters.get(name) || value > now() + TIMES.idSkewMs) return false
  store.counters.set(name, value)
  return true
}

function isOwn(verify: () => void): boolean {
  try {
    verify()
    return true
  } catch (error) {
    if (error instanceof MeshError) return false
    throw error
  }
}
