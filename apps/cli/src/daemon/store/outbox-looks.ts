/** Messages of an outbox that answer to something: what is listed, whose time is over, what is settled. */
import type { OutboxFilter, OutboxMessageRow, OutboxState, OutboxStore } from '@claudemesh/client'
import {
  and,
  asc,
  count,
  desc,
  eq,
  exists,
  gte,
  inArray,
  lt,
  lte,
  ne,
  notExists,
  type SQL,
  sql,
} from 'drizzle-orm'
import { rowColumns } from './columns.ts'
import type { MeshScope } from './mesh-scope.ts'
import { outboxMessage as message, outboxRecipient as recipient } from './schema.ts'
import type { SealedText, Texts } from './texts.ts'

/** Word for word as in the partial index, which serves no other wording. */
export const OPEN = sql`(state = 'pending' OR state = 'sealed' OR state = 'accepted')`
const OPEN_STATES: readonly OutboxState[] = ['pending', 'sealed', 'accepted']

interface OutboxLooks extends Pick<OutboxStore, 'ended' | 'list' | 'countOpen'> {
  /** Messages composed before `before`, and receipts that nothing happened to since `receiptsBefore`, of which nothing is open. */
  settled(before: number, receiptsBefore: number): string[]
}

export function outboxLooks({ orm, mesh }: MeshScope, texts: Texts): OutboxLooks {
  const ours = eq(message.mesh, mesh)
  const noReceipt = ne(message.kind, 'receipt')
  const hasRecipient = (condition: SQL) =>
    orm
      .select({ one: sql`1` })
      .from(recipient)
      .where(and(eq(recipient.mesh, message.mesh), eq(recipient.msg, message.msg), condition))
  const isOpen = exists(hasRecipient(inState(OPEN_STATES)))
  const countOpen = orm
    .select({ n: count() })
    .from(message)
    .where(and(ours, noReceipt, isOpen))
    .prepare()
  const shown = shownMessage(texts)
  const allShown = (rows: readonly StoredMessage[]): OutboxMessageRow[] => {
    const read = texts.reader()
    return rows.map(row => shown(row, read))
  }
  return {
    ended: (now, states, limit) => {
      // From the few that are open: what is settled stands here for weeks, and is not looked through every second.
      const open = orm
        // The plus keeps SQLite from reading them all in the order of their names.
        .selectDistinct({ msg: sql<string>`+${recipient.msg}`.as('open_msg') })
        .from(recipient)
        .where(and(eq(recipient.mesh, mesh), OPEN, inState(states)))
        .as('open')
      return allShown(
        orm
          .select(rowColumns(message))
          .from(open)
          .crossJoin(message)
          .where(
            and(
              ours,
              eq(message.msg, open.msg),
              lte(sql`coalesce(${message.endsAt}, ${message.composedAt} + ${message.ttlMs})`, now),
            ),
          )
          .orderBy(asc(message.row))
          .limit(limit)
          .all(),
      )
    },
    list: filter =>
      allShown(
        orm
          .select(rowColumns(message))
          .from(message)
          .where(and(ours, noReceipt, ...listed(filter, isOpen)))
          .orderBy(desc(message.row))
          .limit(filter.limit ?? Number.MAX_SAFE_INTEGER)
          .all(),
      ),
    countOpen: () => countOpen.get()!.n,
    settled: (before, receiptsBefore) => {
      const msgsWhere = (...conditions: SQL[]) =>
        orm
          .select({ msg: message.msg })
          .from(message)
          .where(and(ours, ...conditions))
          .all()
          .map(row => row.msg)
      const unsent = hasRecipient(inState(['pending', 'sealed']))
      const lately = hasRecipient(gte(recipient.at, receiptsBefore))
      return [
        ...msgsWhere(eq(message.kind, 'receipt'), notExists(unsent), notExists(lately)),
        ...msgsWhere(
          noReceipt,
          eq(message.dead, false),
          lt(message.composedAt, before),
          notExists(hasRecipient(inState(OPEN_STATES))),
        ),
      ]
    },
  }
}

type StoredMessage = Omit<OutboxMessageRow, 'payload'> & SealedText

/** A row with its text opened; `read` serves many in a row. */
export const shownMessage =
  (texts: Texts) =>
  ({ sealed, textKey, ...row }: StoredMessage, read = texts.reader()): OutboxMessageRow => ({
    ...row,
    payload: read({ sealed, textKey }, row.msg),
  })

const inState = (states: readonly OutboxState[]) => inArray(recipient.state, [...states])

function listed(filter: OutboxFilter, isOpen: SQL): SQL[] {
  const conditions: SQL[] = []
  if (filter.owner !== undefined) conditions.push(eq(message.owner, filter.owner))
  if (filter.open !== undefined) conditions.push(filter.open ? isOpen : sql`NOT ${isOpen}`)
  if (filter.dead !== undefined) conditions.push(eq(message.dead, filter.dead))
  return conditions
}
