/** A ClientStore in memory whose transactions undo what they did when they fail; a crash is simulated by throwing it away mid-way. */
import { equalBytes, toBase64url } from '@claudemesh/protocol'
import type {
  ClientStore,
  DirectoryRow,
  EpochRow,
  InboxRow,
  LaneRow,
  OpenerRow,
  OutboxMessageRow,
  OutboxRecipientRow,
  PrekeyRow,
  QueuedReceipt,
  SealingRecipientRow,
  SealingRow,
  TraceRow,
  UnopenedRow,
} from '../src/index.ts'

type Undo = () => void
interface Journal {
  undo: Undo[] | null
  /** A process that is gone writes nothing any more. */
  dead: boolean
}

/** A map that can take back what a transaction did to it. */
class Table<R> {
  readonly #rows = new Map<string, R>()
  readonly #journal: Journal
  constructor(journal: Journal) {
    this.#journal = journal
  }
  get(key: string): R | undefined {
    return this.#rows.get(key)
  }
  set(key: string, row: R): void {
    if (this.#journal.dead) throw new Crash()
    const had = this.#rows.has(key)
    const before = this.#rows.get(key)
    this.#journal.undo?.push(() => (had ? this.#rows.set(key, before!) : this.#rows.delete(key)))
    this.#rows.set(key, row)
  }
  delete(key: string): void {
    if (this.#journal.dead) throw new Crash()
    if (!this.#rows.has(key)) return
    const before = [...this.#rows]
    this.#journal.undo?.push(() => {
      this.#rows.clear()
      for (const [k, row] of before) this.#rows.set(k, row)
    })
    this.#rows.delete(key)
  }
  all(): R[] {
    return [...this.#rows.values()]
  }
  get size(): number {
    return this.#rows.size
  }
}

export interface MemoryStore extends ClientStore {
  /** Outermost transactions so far. */
  readonly commits: number
  /** The process dies at this commit from now: `before` it stands, or right `after`. Nothing is written from then on. */
  crashAt(commits: number, when: 'before' | 'after', onCrash: () => void): void
  /** Another process opens the same files. */
  revive(): void
}

/** Not an error of the mesh: the process is gone. */
export class Crash extends Error {}

export function memoryStore(): MemoryStore {
  const journal: Journal = { undo: null, dead: false }
  let plan: { at: number; when: 'before' | 'after'; onCrash: () => void } | null = null
  const crash = (when: 'before' | 'after'): void => {
    if (plan?.when !== when || plan.at !== store.commits + (when === 'before' ? 1 : 0)) return
    const { onCrash } = plan
    plan = null
    journal.dead = true
    queueMicrotask(onCrash)
    throw new Crash()
  }
  const table = <R>() => new Table<R>(journal)
  const settings = table<string>()
  const counters = table<number>()
  const entries = table<string>()
  const epochs = table<EpochRow>()
  const prekeys = table<PrekeyRow>()
  const openers = table<OpenerRow>()
  const directory = table<DirectoryRow>()
  const messages = table<OutboxMessageRow>()
  const recipients = table<OutboxRecipientRow>()
  const sealings = table<SealingRow>()
  const sealingTo = table<SealingRecipientRow>()
  const inbox = table<InboxRow>()
  const lanes = table<LaneRow>()
  const unopened = table<UnopenedRow>()
  const queued = table<QueuedReceipt>()
  const trace = table<TraceRow>()
  let lastRow = 0

  const open = (row: OutboxRecipientRow): boolean => ['pending', 'sealed', 'accepted'].includes(row.state)
  const rowsOf = (msg: string): OutboxRecipientRow[] => recipients.all().filter(row => row.msg === msg)
  const earliest = (times: number[]): number | undefined =>
    times.length === 0 ? undefined : Math.min(...times)

  const store: MemoryStore = {
    commits: 0,
    crashAt(commits, when, onCrash) {
      plan = { at: store.commits + commits, when, onCrash }
    },
    revive() {
      plan = null
      journal.dead = false
    },
    transaction(work) {
      if (journal.dead) throw new Crash()
      if (journal.undo) return work()
      const undo: Undo[] = []
      journal.undo = undo
      let result: ReturnType<typeof work>
      try {
        result = work()
        crash('before')
      } catch (error) {
        journal.undo = null
        for (const step of undo.reverse()) step()
        throw error
      }
      journal.undo = null
      ;(store as { commits: number }).commits++
      crash('after')
      return result
    },
    purge: () => true,
    settings: { get: name => settings.get(name), set: (name, value) => settings.set(name, value) },
    counters: { get: name => counters.get(name) ?? 0, set: (name, value) => counters.set(name, value) },
    roster: {
      entries: () => entries.all(),
      count: () => entries.size,
      append(seq, next) {
        if (seq !== entries.size) throw new Error('roster rows have no gaps')
        for (const [i, entry] of next.entries()) entries.set(String(seq + i), entry)
      },
    },
    epochs: { all: () => epochs.all(), put: row => epochs.set(String(row.number), row) },
    prekeys: {
      all: () => prekeys.all(),
      put: row => prekeys.set(toBase64url(row.id), { ...row, secret: row.secret.slice() }),
      update(id, life) {
        const row = prekeys.get(toBase64url(id))
        if (row) prekeys.set(toBase64url(id), { ...row, ...life })
      },
      remove: id => prekeys.delete(toBase64url(id)),
    },
    openers: {
      find: (owner, from, prekeyId, openerId) =>
        openers.get(`${owner}|${from}|${toBase64url(prekeyId)}|${toBase64url(openerId)}`),
      put(row, keep) {
        openers.set(`${row.owner}|${row.from}|${toBase64url(row.prekeyId)}|${toBase64url(row.openerId)}`, row)
        const same = openers
          .all()
          .filter(o => o.owner === row.owner && o.from === row.from && equalBytes(o.prekeyId, row.prekeyId))
          .sort((a, b) => b.at - a.at)
        for (const old of same.slice(keep))
          openers.delete(`${old.owner}|${old.from}|${toBase64url(old.prekeyId)}|${toBase64url(old.openerId)}`)
      },
    },
    directory: {
      all: () => directory.all(),
      put: row => directory.set(row.key, row),
      remove: key => directory.delete(key),
    },
    outbox: {
      insert(message, to) {
        messages.set(message.msg, message)
        for (const row of to) recipients.set(`${row.msg}|${row.to}`, row)
      },
      message: msg => messages.get(msg),
      updateMessage: row => messages.set(row.msg, row),
      recipient: (msg, to) => recipients.get(`${msg}|${to}`),
      recipients: rowsOf,
      updateRecipient(row) {
        if (!recipients.get(`${row.msg}|${row.to}`)) throw new Error('no such recipient')
        recipients.set(`${row.msg}|${row.to}`, row)
      },
      due: (owner, now, limit) =>
        recipients
          .all()
          .filter(row => row.owner === owner && row.state === 'pending' && row.dueAt <= now)
          .slice(0, limit),
      nextDueAt: now =>
        earliest(
          recipients
            .all()
            .filter(row => row.state === 'pending' && row.dueAt > now)
            .map(row => row.dueAt),
        ),
      hasten(member, now, except) {
        for (const row of recipients.all())
          if (
            row.state === 'pending' &&
            row.dueAt > now &&
            row.to.startsWith(`${member}/`) &&
            !except.includes(row.why ?? '')
          )
            recipients.set(`${row.msg}|${row.to}`, { ...row, dueAt: now })
      },
      lowestOpen: (owner, line, to) =>
        earliest(
          recipients
            .all()
            .filter(
              row =>
                row.owner === owner && row.line === line && row.to === to && row.pairSeq > 0 && open(row),
            )
            .map(row => row.pairSeq),
        ),
      addSealing(row, to) {
        sealings.set(row.id, row)
        for (const key of to) sealingTo.set(`${row.id}|${key}`, { id: row.id, to: key, end: null })
      },
      sealing: id => sealings.get(id),
      sealingsOf: msg => sealings.all().filter(row => row.msg === msg),
      updateSealing: row => sealings.set(row.id, row),
      sealingRecipients: id => sealingTo.all().filter(row => row.id === id),
      endSealing(id, to, end) {
        const row = sealingTo.get(`${id}|${to}`)
        if (row) sealingTo.set(`${id}|${to}`, { ...row, end })
      },
      hasLiveSealing: (msg, to) =>
        sealings
          .all()
          .some(
            row => row.msg === msg && row.state !== 'void' && sealingTo.get(`${row.id}|${to}`)?.end === null,
          ),
      unaccepted: owner =>
        sealings.all().filter(row => row.state === 'sealed' && messages.get(row.msg)?.owner === owner),
      ended: (now, states, limit) =>
        messages
          .all()
          .filter(
            row =>
              (row.endsAt ?? row.composedAt + row.ttlMs) <= now &&
              rowsOf(row.msg).some(one => states.includes(one.state)),
          )
          .slice(0, limit),
      list: ({ owner, open: onlyOpen, dead, limit }) =>
        messages
          .all()
          .filter(
            row =>
              row.kind !== 'receipt' &&
              (owner === undefined || row.owner === owner) &&
              (onlyOpen === undefined || rowsOf(row.msg).some(open) === onlyOpen) &&
              (dead === undefined || row.dead === dead),
          )
          .reverse()
          .slice(0, limit),
      countOpen: () => store.outbox.list({ open: true }).length,
      remove(msg) {
        messages.delete(msg)
        for (const row of rowsOf(msg)) recipients.delete(`${row.msg}|${row.to}`)
        for (const row of sealings.all().filter(one => one.msg === msg)) sealings.delete(row.id)
      },
      forget(before, receiptsBefore) {
        for (const row of messages.all()) {
          const settled = rowsOf(row.msg).every(
            one => !open(one) || (one.pairSeq === 0 && one.state === 'accepted'),
          )
          const limit = row.kind === 'receipt' ? receiptsBefore : before
          if (settled && !row.dead && row.composedAt < limit) store.outbox.remove(row.msg)
        }
      },
    },
    inbox: {
      find: (owner, from, msg) => inbox.get(`${owner}|${from}|${msg}`),
      insert(row) {
        if (inbox.get(`${row.owner}|${row.from}|${row.msg}`)) throw new Error('inbox rows are unique')
        inbox.set(`${row.owner}|${row.from}|${row.msg}`, row)
      },
      update: row => inbox.set(`${row.owner}|${row.from}|${row.msg}`, row),
      byMsg: (owner, msg) => inbox.all().filter(row => row.owner === owner && row.msg === msg),
      list: ({ owner, states, after, limit }) =>
        inbox
          .all()
          .filter(
            row =>
              row.position !== null &&
              (owner === undefined || row.owner === owner) &&
              (states === undefined || states.includes(row.state)) &&
              (after === undefined || row.position > after),
          )
          .sort((a, b) => a.position! - b.position!)
          .slice(0, limit),
      count: (owner, states, member = '') =>
        inbox
          .all()
          .filter(row => row.owner === owner && states.includes(row.state) && row.from.startsWith(member))
          .length,
      lane: (owner, from, line) => lanes.get(`${owner}|${from}|${line}`),
      putLane: row => lanes.set(`${row.owner}|${row.from}|${row.line}`, row),
      waiting: (owner, from, line) =>
        inbox
          .all()
          .filter(
            row => row.owner === owner && row.from === from && row.line === line && row.state === 'waiting',
          )
          .sort((a, b) => a.pairSeq - b.pairSeq || a.receivedAt - b.receivedAt),
      gapped: () =>
        lanes.all().filter(lane => store.inbox.waiting(lane.owner, lane.from, lane.line).length > 0),
      early: until =>
        inbox
          .all()
          .filter(row => row.state === 'early' && row.sentAt <= until)
          .sort((a, b) => a.sentAt - b.sentAt),
      keepUnopened(row, keep) {
        const key = `${row.owner}|${row.id}`
        if (unopened.get(key)) return
        unopened.set(key, row)
        for (const old of unopened.all().slice(0, -keep)) unopened.delete(`${old.owner}|${old.id}`)
      },
      unopened: owner => unopened.all().filter(row => row.owner === owner),
      forget(now) {
        for (const row of inbox.all())
          if ((row.state === 'surfaced' || row.state === 'read') && row.forgetAt < now && row.payload === '')
            inbox.delete(`${row.owner}|${row.from}|${row.msg}`)
      },
    },
    receipts: {
      queue(items) {
        for (const item of items) {
          lastRow++
          queued.set(String(lastRow), { ...item, row: lastRow })
        }
      },
      due: (owner, now, limit) =>
        queued
          .all()
          .filter(row => row.owner === owner && row.dueAt <= now)
          .slice(0, limit),
      nextDueAt: now =>
        earliest(
          queued
            .all()
            .filter(row => row.dueAt > now)
            .map(row => row.dueAt),
        ),
      remove(rows) {
        for (const row of rows) queued.delete(String(row))
      },
    },
    texts: {
      erase(_now, inboxBefore) {
        const old = inbox
          .all()
          .filter(
            row =>
              row.payload !== '' &&
              (row.state === 'surfaced' || row.state === 'read') &&
              row.receivedAt < inboxBefore,
          )
        for (const row of old) inbox.set(`${row.owner}|${row.from}|${row.msg}`, { ...row, payload: '' })
        return old.length > 0
      },
    },
    trace: {
      add(rows) {
        for (const row of rows) {
          lastRow++
          trace.set(String(lastRow), row)
        }
      },
      of: msg => trace.all().filter(row => row.msg === msg),
    },
  }
  return store
}
