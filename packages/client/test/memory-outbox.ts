/** The outbox of a store in memory. */
import type {
  OutboxMessageRow,
  OutboxRecipientRow,
  OutboxStore,
  SealingRecipientRow,
  SealingRow,
} from '../src/index.ts'
import { earliest, type Table } from './memory-table.ts'

export function memoryOutbox(table: <R>() => Table<R>): OutboxStore {
  const messages = table<OutboxMessageRow>()
  const recipients = table<OutboxRecipientRow>()
  const sealings = table<SealingRow>()
  const sealingTo = table<SealingRecipientRow>()
  const open = (row: OutboxRecipientRow): boolean => ['pending', 'sealed', 'accepted'].includes(row.state)
  const rowsOf = (msg: string): OutboxRecipientRow[] => recipients.all().filter(row => row.msg === msg)
  const change = (msg: string, what: Partial<OutboxMessageRow>): void => {
    const message = messages.get(msg)
    if (message) messages.set(msg, { ...message, ...what })
  }
  const store: OutboxStore = {
    insert(message, to) {
      messages.set(message.msg, message)
      for (const row of to) recipients.set(`${row.msg}|${row.to}`, row)
    },
    message: msg => messages.get(msg),
    standing(msg) {
      const message = messages.get(msg)
      return message && { dead: message.dead, hasText: message.payload !== '' }
    },
    setEnd: (msg, endsAt) => change(msg, { endsAt }),
    markDead: (msg, dead) => change(msg, { dead }),
    dropText: msg => change(msg, { payload: '' }),
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
            row => row.owner === owner && row.line === line && row.to === to && row.pairSeq > 0 && open(row),
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
            rowsOf(row.msg).some(one => states.some(state => state === one.state)),
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
    countOpen: () => store.list({ open: true }).length,
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
        if (settled && !row.dead && row.composedAt < limit) store.remove(row.msg)
      }
    },
  }
  return store
}
