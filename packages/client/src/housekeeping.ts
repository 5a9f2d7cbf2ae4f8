/** What time alone makes due: keys that wear out, messages that end, gaps that lasted long enough, rows to forget. */
import { TIMES } from '@claudemesh/protocol'
import type { Core } from './core.ts'
import { eraseTexts } from './inbox/retention.ts'
import { placeEarly, waitBehindGap } from './inbox/store-message.ts'
import { endMessages } from './outbox/end.ts'
import { needsCertificate } from './session/certify.ts'
import { type Party, PERSON } from './session/party.ts'
import { LOOK_MS } from './session/prekey-life.ts'

const GAP_TICK_MS = 5_000
const FORGET_EVERY_MS = 3_600_000
/** Settled messages and their trace are kept this long. */
const OUTBOX_KEPT_MS = 30 * 86_400_000
const RECEIPTS_KEPT_MS = 86_400_000

export interface HousePort {
  readonly isOnline: () => boolean
  /** Attaches again: with a new certificate, a new prekey. */
  readonly renew: (party: Party) => void
  /** The secrets of these prekeys are gone: what was derived from them goes too. */
  readonly erased: (prekeys: readonly Uint8Array[]) => void
  /** What was derived for sealing goes at the end of its freshness. */
  readonly dropPairs: () => void
  readonly flush: () => void
  /** Connected for so much longer. */
  readonly waited: (ms: number) => void
  /** What the mesh asks of an admin who is online. */
  readonly chores: () => void
}

/** Begins, and answers how to stop. */
export function keepHouse(core: Core, port: HousePort): () => void {
  let forgotAt = 0
  let lookedAt = core.now()
  let isClean = true
  const stopTicks = every(core, LOOK_MS, () => {
    const at = core.now()
    // A machine that slept, or a clock that was set, was not attached all the while.
    const elapsedMs = Math.min(Math.max(at - lookedAt, 0), 2 * LOOK_MS)
    lookedAt = at
    // None keeps another from being done: what fails is tried again at the next look.
    for (const chore of [
      () => renewWorn(core, port, at),
      () => {
        isClean = !eraseWorn(core, port, elapsedMs) && isClean
      },
      () => {
        isClean = !eraseTexts(core) && isClean
      },
      () => {
        isClean = isClean || core.store.purge()
      },
      () => port.dropPairs(),
      () => endMessages(core, at),
      () => showEarly(core, at),
      () => {
        if (at - forgotAt < FORGET_EVERY_MS) return
        forgotAt = at
        forget(core, at)
      },
      port.flush,
      port.chores,
    ])
      attempt(core, chore)
  })
  // Time counts against a gap only while connected.
  const stopGaps = every(core, GAP_TICK_MS, () => {
    if (!port.isOnline()) return
    waitOn(core, GAP_TICK_MS)
    port.waited(GAP_TICK_MS)
  })
  return () => {
    stopTicks()
    stopGaps()
  }
}

function showEarly(core: Core, at: number): void {
  const rows = core.store.inbox.early(at + TIMES.idSkewMs)
  if (rows.length === 0) return
  core.commit.run(() => {
    for (const row of rows) placeEarly(core, row)
  })
}

function renewWorn({ parties, prekeys }: Core, port: HousePort, at: number): void {
  for (const party of parties.values()) {
    const worn = party.owner !== PERSON && needsCertificate(party.certificate, at)
    const due = party.attachment === null || party.unsaid || worn || prekeys.isDue(party, at)
    // Another daemon with the same keys is not fought.
    if (port.isOnline() && due && !party.replaced) port.renew(party)
  }
}

/** True if the store's files are to be cleaned. */
function eraseWorn({ parties, prekeys, store, now }: Core, port: HousePort, elapsedMs: number): boolean {
  store.transaction(() => {
    for (const party of parties.values())
      if (party.attachment !== null) prekeys.attachedFor(party.owner, elapsedMs)
  })
  const ids = prekeys.eraseWorn(now(), LOOK_MS)
  if (ids.length > 0) port.erased(ids)
  return ids.length > 0
}

function forget({ store }: Core, at: number): void {
  store.inbox.forget(at)
  store.outbox.forget(at - OUTBOX_KEPT_MS, at - RECEIPTS_KEPT_MS)
}

/** Gaps have lasted `elapsedMs` longer; what has waited for 60 s is shown with a warning. */
export function waitOn(core: Core, elapsedMs: number): void {
  for (const lane of core.store.inbox.gapped()) {
    const waitedMs = lane.waitedMs + elapsedMs
    core.commit.run(() => waitBehindGap(core, { ...lane, waitedMs }))
  }
}

function every(core: Core, ms: number, work: () => void): () => void {
  let cancel = (): void => {}
  const tick = (): void => {
    attempt(core, work)
    cancel = core.schedule(ms, tick)
  }
  cancel = core.schedule(ms, tick)
  return () => cancel()
}

function attempt(core: Core, work: () => void): void {
  try {
    work()
  } catch (error) {
    core.log('housekeeping.failed', { message: String(error) })
  }
}
