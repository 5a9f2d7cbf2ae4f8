/** The end of what could not be delivered in time: by our own clock, or by a fact the broker signed. */
import { recipientKey, uuidText, verifyFact } from '@claudemesh/crypto'
import { equalBytes, type Fact, MeshError, TIMES, toBase64url } from '@claudemesh/protocol'
import type { Core } from '../core.ts'
import type { OpenState } from '../store.ts'
import { isOpen, moveRecipient } from './states.ts'

const PAGE = 256
/** Facts kept whose time has not come. */
const MOST_AHEAD = 1_000
/** What was accepted and never told of, receivers take until ttl + 24 h; after this long nothing can come any more. */
const SILENT_MS = 2 * TIMES.lateMs

/** Gives up what ended before the broker had it, and what the broker took and never spoke of again. */
export function endMessages(core: Core, now: number): void {
  giveUp(core, ['pending', 'sealed'], now)
  giveUp(core, ['accepted'], now - SILENT_MS)
  const due = [...core.factsAhead].filter(([, from]) => from <= now).map(([fact]) => fact)
  if (due.length === 0) return
  core.commit.run(() => {
    for (const fact of due) applyFact(core, fact)
  })
  for (const fact of due) core.factsAhead.delete(fact)
}

function giveUp(core: Core, states: readonly OpenState[], endedBy: number): void {
  const due = core.store.outbox.ended(endedBy, states, PAGE)
  if (due.length === 0) return
  core.commit.run(() => {
    for (const { msg } of due)
      for (const row of core.store.outbox.recipients(msg))
        if (states.some(state => state === row.state))
          moveRecipient(core, row, { state: 'expired', why: 'ttl', at: core.now(), by: 'me', verified: true })
  })
}

/** Inside `commit.run`. A fact speaks of one sealing: the message ended for a recipient only when all of its sealings did. */
export function applyFact(core: Core, fact: Fact): void {
  const { outbox } = core.store
  if (
    !equalBytes(fact.mesh, core.identity.mesh) ||
    !core.keeper.brokerKeys.some(key => isSigned(fact, key))
  ) {
    core.log('fact.refused', { id: uuidText(fact.id) })
    return
  }
  const id = uuidText(fact.id)
  const to = recipientKey(fact.to)
  const sealing = outbox.sealing(id)
  if (!sealing || !outbox.sealingRecipients(id).some(one => one.to === to)) return
  const message = outbox.message(sealing.msg)
  const party = message && core.parties.get(message.owner)
  if (!party || party.key !== recipientKey(fact.from)) return
  if (!couldBe(core, fact, message.endsAt)) {
    core.log('fact.refused', { id, why: fact.why })
    if (fact.kind === 'expired' && message.endsAt !== null && fact.at >= message.endsAt)
      keepAhead(core.factsAhead, fact, message.endsAt - TIMES.idSkewMs)
    return
  }
  outbox.endSealing(id, to, fact.kind)
  const row = outbox.recipient(sealing.msg, to)
  if (!row || !isOpen(row.state) || row.state === 'pending' || outbox.hasLiveSealing(sealing.msg, to)) return
  const state = fact.why === 'removed' ? 'removed' : 'expired'
  moveRecipient(core, row, { state, why: fact.why, at: fact.at, by: 'broker', verified: true })
}

function keepAhead(ahead: Core['factsAhead'], fact: Fact, from: number): void {
  if (ahead.size >= MOST_AHEAD) ahead.delete(ahead.keys().next().value!)
  ahead.set(fact, from)
}

/** A signature makes no lie true: a message expires at its end, and is dropped with a member whom the roster removed. */
function couldBe({ keeper, now }: Core, { kind, to, at }: Fact, endsAt: number | null): boolean {
  if (kind === 'dropped') return keeper.roster.removed.has(toBase64url(to.member))
  return endsAt !== null && at >= endsAt && now() >= endsAt - TIMES.idSkewMs
}

/** Facts wait in a queue: the broker may have got another key since it signed them. */
function isSigned(fact: Fact, brokerKey: Uint8Array): boolean {
  try {
    verifyFact(fact, brokerKey)
    return true
  } catch (error) {
    if (error instanceof MeshError) return false
    throw error
  }
}
