/** A broker on an older database lacks entries that we hold signed: it gets them back before anything else is said. */
import { LIMITS, MeshError, type RosterEntry, TIMES } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { RosterKeeper } from './keeper.ts'

/** What a later try may heal. */
const PASSING: readonly string[] = ['unreachable', 'timeout', 'unavailable', 'draining', 'rate']

/**
 * Offers what stands behind (`headSeq`, `head`); resolves when the broker took it, or has moved on meanwhile.
 * Throws `integrity` where its head is none of ours or it refuses what is sound, `unavailable` where it waits for an owner or admin.
 */
export async function offerMissing(
  link: Link,
  keeper: RosterKeeper,
  headSeq: number,
  head: Uint8Array,
): Promise<void> {
  if (!keeper.holds(headSeq, head))
    throw new MeshError('integrity', 'the broker shows another history of the roster', {
      facts: { seq: headSeq },
    })
  try {
    await restore(link, keeper, keeper.entries.slice(headSeq + 1))
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    if (error.code === 'stale-head') return
    if (PASSING.includes(error.code)) throw error
    throw new MeshError('integrity', 'the broker lacks roster entries and does not take them back', {
      cause: error,
      facts: { seq: headSeq + 1 },
    })
  }
}

/** As owner or admin all of it; else what a checkpoint of the broker's own proves, and then what is only just written. */
async function restore(link: Link, keeper: RosterKeeper, entries: readonly RosterEntry[]): Promise<void> {
  const [first] = entries
  if (!first) return
  try {
    for (let i = 0; i < entries.length; i += LIMITS.restorePage)
      await offer(link, entries.slice(i, i + LIMITS.restorePage), null)
  } catch (error) {
    if (!(error instanceof MeshError) || error.code !== 'forbidden') throw error
    const { seq, note } = keeper.proof ?? { seq: -1, note: null }
    const proven = entries.filter(entry => entry.seq <= seq)
    if (proven.length > LIMITS.restorePage) throw waits(first.seq)
    if (proven.length > 0) await offer(link, proven, note)
    await appendFresh(link, entries.slice(proven.length))
  }
}

async function appendFresh(link: Link, entries: readonly RosterEntry[]): Promise<void> {
  for (const entry of entries) {
    const old = link.welcome.time - entry.at > TIMES.idSkewMs
    const begins = (entry.kind === 'remove' || entry.kind === 'rekey') && entry.body.epoch !== null
    if (old || begins) throw waits(entry.seq)
    await link.request({ type: 'roster.append', entry, copies: null }, 'appended')
  }
}

const offer = (link: Link, entries: readonly RosterEntry[], checkpoint: string | null) =>
  link.request({ type: 'roster.restore', entries: [...entries], checkpoint }, 'appended')

const waits = (seq: number) =>
  new MeshError(
    'unavailable',
    'the broker has lost part of the roster: an owner or admin has to come online and bring it back',
    { facts: { seq } },
  )
