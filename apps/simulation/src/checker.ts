/** Holds a history to its promises: a pure function, for simulated and for real processes alike. */
import type { Ending, History, Recorded } from './history.ts'

export interface Broken {
  readonly promise: 'loss' | 'duplicate' | 'order' | 'false-word' | 'two-truths' | 'stuck' | 'fault'
  readonly what: string
}

/** Words that say: it was opened and stored there. */
const STORED = ['delivered', 'held', 'surfaced', 'answered', 'refused']
/** Words that leave open what became of it. */
const OPEN = ['pending', 'sealed', 'accepted']

/** Every promise that was broken; none for a sound history. */
export function check(history: History): Broken[] {
  return [
    ...words(history.events),
    ...deliveries(history.events),
    ...releases(history.events),
    ...ends(history),
    ...truths(history.ending),
  ]
}

const pair = ({ to, msg }: { readonly to: string; readonly msg: string }): string => `${to} ${msg}`

/** No word is said before what it says is so. */
function words(events: readonly Recorded[]): Broken[] {
  const broken: Broken[] = []
  const committed = new Map<string, number>()
  const stored = new Set<string>()
  const shown = new Set<string>()
  const lie = (what: string) => broken.push({ promise: 'false-word', what })
  for (const event of events)
    switch (event.type) {
      case 'committed':
        committed.set(`${event.id} ${event.seq}`, event.at)
        break
      case 'accepted':
        if (!committed.has(`${event.id} ${event.seq}`))
          lie(`accepted before its commit: ${event.id} as ${event.seq}`)
        break
      case 'stored':
        stored.add(pair(event))
        break
      case 'shown':
        shown.add(pair(event))
        break
      case 'broke':
        broken.push({ promise: 'fault', what: event.what })
        break
      case 'told':
        if (STORED.includes(event.state) && !stored.has(pair(event)))
          lie(`${event.state} before it was stored: ${event.msg} at ${event.to}`)
        if (event.state === 'surfaced' && !shown.has(pair(event)))
          lie(`surfaced before it was shown: ${event.msg} at ${event.to}`)
    }
  return broken
}

/** Within an attachment what is new comes in the order of `seq`, and nothing is acknowledged that was not handed out. */
function deliveries(events: readonly Recorded[]): Broken[] {
  const broken: Broken[] = []
  const highest = new Map<string, number>()
  const seen = new Set<string>()
  for (const event of events) {
    if (event.type !== 'deliver' && event.type !== 'acked') continue
    const attachment = `${event.to}#${event.attachment}`
    const top = highest.get(attachment) ?? 0
    if (event.type === 'acked') {
      if (event.upTo > top)
        broken.push({
          promise: 'false-word',
          what: `acknowledged ${event.upTo} above ${top} at ${attachment}`,
        })
      continue
    }
    const again = seen.has(`${attachment} ${event.seq}`)
    if (event.seq < top && !again)
      broken.push({ promise: 'order', what: `seq ${event.seq} came behind ${top} at ${attachment}` })
    seen.add(`${attachment} ${event.seq}`)
    highest.set(attachment, Math.max(top, event.seq))
  }
  return broken
}

/** Each message once, and those of one sender to one mailbox in the order they were sent, but for what is marked late. */
function releases(events: readonly Recorded[]): Broken[] {
  const broken: Broken[] = []
  const order = new Map<string, number>()
  const last = new Map<string, number>()
  const released = new Set<string>()
  for (const event of events) {
    if (event.type === 'sent') order.set(event.msg, order.size)
    if (event.type !== 'released') continue
    const { from, to, msg, late } = event
    if (released.has(`${from} ${pair(event)}`))
      broken.push({ promise: 'duplicate', what: `${msg} came to ${to} twice` })
    released.add(`${from} ${pair(event)}`)
    const place = order.get(msg)
    if (place === undefined) {
      broken.push({ promise: 'two-truths', what: `${msg} came to ${to} and nobody sent it` })
      continue
    }
    if (late) continue
    const before = last.get(`${from} ${to}`) ?? -1
    if (place < before) broken.push({ promise: 'order', what: `${msg} came to ${to} behind a later one` })
    last.set(`${from} ${to}`, Math.max(place, before))
  }
  return broken
}

/** What became of every message that was sent between members that stand: both ends say the same, and nothing is open. */
function ends({ events, ending }: History): Broken[] {
  const broken: Broken[] = []
  const removed = new Set(events.flatMap(event => (event.type === 'removed' ? [event.member] : [])))
  const isGone = (key: string) => removed.has(key.split('/')[0]!)
  const says = new Map(ending.outbox.map(row => [`${row.from} ${pair(row)}`, row]))
  const has = new Map(ending.inbox.map(row => [`${row.from} ${pair(row)}`, row]))
  for (const event of events) {
    if (event.type !== 'sent') continue
    for (const to of event.to) {
      if (isGone(event.from) || isGone(to)) continue
      const place = `${event.from} ${to} ${event.msg}`
      const [word, row] = [says.get(place), has.get(place)]
      const name = `${event.msg} from ${event.from} to ${to}`
      if (!word) broken.push({ promise: 'loss', what: `${name}: its sender does not know it any more` })
      else if (row && !row.released)
        broken.push({ promise: 'stuck', what: `${name}: stored and never released` })
      else if (row && !STORED.includes(word.state))
        broken.push({
          promise: OPEN.includes(word.state) ? 'stuck' : 'two-truths',
          what: `${name}: received, and its sender says ${word.state}`,
        })
      else if (!row && STORED.includes(word.state))
        broken.push({ promise: 'loss', what: `${name}: its sender says ${word.state}, and it is not there` })
      else if (!row && OPEN.includes(word.state))
        broken.push({ promise: 'loss', what: `${name}: ${word.state} for ever` })
      else if (!row && word.state !== 'expired' && word.state !== 'unknown')
        broken.push({ promise: 'loss', what: `${name}: given up as ${word.state}` })
    }
  }
  return broken
}

/** What several hold of one thing is one. */
function truths({ heads, leases, auditFault, queued, offline }: Ending): Broken[] {
  const broken: Broken[] = []
  const differ = (what: string) => broken.push({ promise: 'two-truths', what })
  if (new Set(Object.values(heads)).size > 1) differ(`roster heads differ: ${JSON.stringify(heads)}`)
  for (const { seenBy, session, lease, is } of leases)
    if (lease !== is) differ(`${seenBy} sees ${session} ${lease}, the broker ${is}`)
  if (auditFault !== null) differ(`the audit log: ${auditFault}`)
  if (queued > 0) broken.push({ promise: 'stuck', what: `${queued} rows stay in the queues` })
  for (const what of offline) broken.push({ promise: 'stuck', what })
  return broken
}
