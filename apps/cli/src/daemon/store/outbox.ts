/** The outbox of a mesh: messages, how far each has come for whom; its sealings are in sealings.ts, looks through all of it in outbox-looks.ts. */
import type { OutboxMessageRow, OutboxRecipientRow, OutboxStore } from '@claudemesh/client'
import { and, asc, eq, gt, gte, isNull, like, min, notInArray, or, sql } from 'drizzle-orm'
import { assigned, inPlace, named, rowColumns } from './columns.ts'
import { hotWrite } from './hot.ts'
import { trace } from './inbox-schema.ts'
import type { MeshScope } from './mesh-scope.ts'
import { openNumbers } from './open-numbers.ts'
import { OPEN, outboxLooks, shownMessage } from './outbox-looks.ts'
import { outboxRows } from './outbox-rows.ts'
import { pendingRows } from './pending-rows.ts'
import { outboxMessage as message, outboxRecipient as recipient } from './schema.ts'
import { sealingStore } from './sealings.ts'
import { hourOf, type SealedText, textsOf } from './texts.ts'

/** Word for word as in the partial index, which serves no other wording. */
const PENDING = sql`state = 'pending'`
const MUTABLE = { state: 0, why: 0, at: 0, reseals: 0, dueAt: 0 }

export function outboxStore(scope: MeshScope): OutboxStore {
  const { orm, mesh } = scope
  const underWay = outboxRows(scope)
  const sealings = sealingStore(scope)
  const columns = rowColumns(recipient)
  const ourMessages = eq(message.mesh, mesh)
  const ours = eq(recipient.mesh, mesh)
  const asked = named({ msg: 0, to: 0, owner: 0, line: 0, now: 0, limit: 0 })

  const insertMessage = hotWrite<Exclude<keyof OutboxMessageRow, 'payload'> | keyof SealedText>(
    scope,
    orm.insert(message).values({ mesh, ...named(rowColumns(message)) }),
  )
  const texts = textsOf(scope, 'outbox')
  const shown = shownMessage(texts)
  const { settled, ...looks } = outboxLooks(scope, texts)
  const insertRecipient = hotWrite<keyof OutboxRecipientRow>(
    scope,
    orm.insert(recipient).values({ mesh, ...named(columns) }),
  )
  const byMsg = and(ourMessages, eq(message.msg, asked.msg))
  const getMessage = orm.select(rowColumns(message)).from(message).where(byMsg).prepare()
  const getStanding = orm
    .select({ dead: message.dead, hasText: sql<number>`${message.sealed} IS NOT NULL` })
    .from(message)
    .where(byMsg)
    .prepare()
  const setEnd = orm
    .update(message)
    .set(assigned({ endsAt: 0 }))
    .where(byMsg)
    .prepare()
  const markDead = orm
    .update(message)
    .set(assigned({ dead: 0 }))
    .where(byMsg)
    .prepare()
  const clearText = hotWrite<'msg'>(
    scope,
    orm.update(message).set({ sealed: null, textKey: null }).where(byMsg),
  )
  const byKey = and(ours, eq(recipient.msg, asked.msg), eq(recipient.to, asked.to))
  const getRecipient = orm.select(columns).from(recipient).where(byKey).prepare()
  const getRecipients = orm
    .select({ ...columns, place: recipient.row })
    .from(recipient)
    .where(and(ours, eq(recipient.msg, asked.msg)))
    .prepare()
  const updateRecipient = hotWrite<keyof OutboxRecipientRow>(
    scope,
    orm.update(recipient).set(assigned(MUTABLE)).where(byKey),
  )
  // The plus keeps SQLite from gathering all that is due and sorting it, for a few rows each time.
  const isDue = sql`+${recipient.dueAt} <= ${asked.now}`
  const due = orm
    .select(columns)
    .from(recipient)
    .where(and(ours, PENDING, eq(recipient.owner, asked.owner), isDue))
    .orderBy(asc(recipient.row))
    .limit(asked.limit)
    .prepare()
  const nextDue = orm
    .select({ dueAt: min(recipient.dueAt) })
    .from(recipient)
    .where(and(ours, PENDING, gt(recipient.dueAt, asked.now)))
    .prepare()
  const anyPending = orm.select({ one: sql`1` }).from(recipient).where(and(ours, PENDING)).limit(1).prepare()
  const pending = pendingRows(scope, () => anyPending.get() === undefined)
  const lowestOpen = orm
    .select({ pairSeq: recipient.pairSeq })
    .from(recipient)
    .where(
      and(
        ours,
        OPEN,
        eq(recipient.owner, asked.owner),
        eq(recipient.line, asked.line),
        eq(recipient.to, asked.to),
        gte(recipient.pairSeq, 1),
      ),
    )
    .orderBy(asc(recipient.pairSeq))
    .limit(asked.limit)
    .prepare()
  const numbers = openNumbers(scope, (line, limit) =>
    lowestOpen.all({ ...line, limit }).map(({ pairSeq }) => pairSeq),
  )

  const removeAll = (msgs: readonly string[]): void => {
    if (msgs.length === 0) return
    sealings.forgetSealings()
    numbers.clear()
    pending.went()
    for (const msg of msgs) {
      underWay.forget(msg)
      orm
        .delete(trace)
        .where(and(eq(trace.mesh, mesh), eq(trace.msg, msg)))
        .run()
      orm
        .delete(message)
        .where(and(ourMessages, eq(message.msg, msg)))
        .run()
    }
  }

  return {
    ...sealings,
    ...looks,
    insert: ({ payload, ...row }, recipients) => {
      insertMessage({ ...row, ...texts.seal(hourOf(row.composedAt), row.msg, payload) })
      for (const each of recipients) {
        insertRecipient(each)
        numbers.wrote(each)
        if (each.state === 'pending') pending.came()
      }
      underWay.written(row.msg, { dead: row.dead, hasText: true }, recipients)
    },
    message: msg => {
      const row = getMessage.get({ msg })
      return row && shown(row)
    },
    standing: msg => {
      const known = underWay.of(msg)
      if (known) return known.standing
      const row = getStanding.get({ msg })
      return row && { dead: row.dead, hasText: row.hasText === 1 }
    },
    setEnd: (msg, endsAt) => void setEnd.run({ msg, endsAt }),
    markDead: (msg, dead) => {
      markDead.run({ msg, dead })
      underWay.stands(msg, { dead })
    },
    dropText: msg => {
      clearText({ msg })
      underWay.stands(msg, { hasText: false })
    },
    recipient: (msg, to) => {
      const known = underWay.one(msg, to)
      return known === undefined ? getRecipient.get({ msg, to }) : (known ?? undefined)
    },
    recipients: msg => [...(underWay.of(msg)?.recipients ?? inPlace(getRecipients.all({ msg })))],
    updateRecipient: row => {
      updateRecipient(row)
      underWay.updated(row)
      numbers.wrote(row)
      if (row.state === 'pending') pending.came()
      else pending.went()
    },
    due: (owner, now, limit) => (pending.isNone() ? [] : due.all({ owner, now, limit })),
    nextDueAt: now => (pending.isNone() ? undefined : (nextDue.get({ now })?.dueAt ?? undefined)),
    hasten: (member, now, except) => {
      underWay.clear()
      const theirs = like(recipient.to, sql`${`${member.replace(/[\\_%]/g, '\\$&')}/%`} ESCAPE '\\'`)
      orm
        .update(recipient)
        .set({ dueAt: now })
        .where(
          and(
            ours,
            PENDING,
            theirs,
            gt(recipient.dueAt, now),
            or(isNull(recipient.why), notInArray(recipient.why, [...except])),
          ),
        )
        .run()
    },
    lowestOpen: (owner, line, to) => numbers.lowest({ owner, line, to }),
    remove: msg => removeAll([msg]),
    forget: (before, receiptsBefore) => removeAll(settled(before, receiptsBefore)),
  }
}
