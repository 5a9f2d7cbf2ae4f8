/** A ClientStore in memory whose transactions undo what they did when they fail; a crash is simulated by throwing it away mid-way. */
import { equalBytes, toBase64url } from '@claudemesh/protocol'
import type {
  ClientStore,
  DirectoryRow,
  EpochRow,
  InboxRow,
  LaneRow,
  OpenerRow,
  PrekeyRow,
  QueuedReceipt,
  TraceRow,
  UnopenedRow,
} from '../src/index.ts'
import { memoryOutbox } from './memory-outbox.ts'
import { Crash, type Journal, Table, type Undo } from './memory-table.ts'

export interface MemoryStore extends ClientStore {
  /** Outermost transactions so far. */
  readonly commits: number
  /** The process dies at this commit from now: `before` it stands, or right `after`. Nothing is written from then on. */
  crashAt(commits: number, when: 'before' | 'after', onCrash: () => void): void
  /** Another process opens the same files. */
  revive(): void
}

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
  const inbox = table<InboxRow>()
  const lanes = table<LaneRow>()
  const unopened = table<UnopenedRow>()
  const queued = table<QueuedReceipt>()
  const trace = table<TraceRow>()
  let lastRow = 0

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
    outbox: memoryOutbox(table),
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
