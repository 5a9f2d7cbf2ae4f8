/** The inbox of a mesh, where exactly once is decided: one row for each (mailbox, sender, msg); lanes keep each sender's order. */
import type { InboxFilter, InboxRow, InboxStore, LaneRow } from '@claudemesh/client'
import {
  and,
  asc,
  count,
  desc,
  eq,
  gt,
  inArray,
  isNotNull,
  isNull,
  lt,
  lte,
  notExists,
  sql,
} from 'drizzle-orm'
import { assigned, inPlace, named, rowColumns } from './columns.ts'
import { hotWrite } from './hot.ts'
import { inbox, lane, trace, unopened } from './inbox-schema.ts'
import { memoryOf } from './memory.ts'
import type { MeshScope } from './mesh-scope.ts'
import { outboxMessage } from './schema.ts'
import { hourOf, type SealedText, textsOf } from './texts.ts'

type Stored = Omit<InboxRow, 'payload'> & SealedText

const laneName = ({ owner, from, line }: Pick<LaneRow, 'owner' | 'from' | 'line'>): string =>
  `${owner}/${from}/${line}`

/** Where the text of a row belongs. */
export const inboxPlace = ({ owner, from, msg }: Pick<InboxRow, 'owner' | 'from' | 'msg'>): string =>
  `${owner}/${from}/${msg}`

export function inboxStore(scope: MeshScope): InboxStore {
  const { orm, mesh, late } = scope
  const texts = textsOf(scope, 'inbox')
  const lanes = memoryOf<LaneRow | undefined>(scope)
  /** Lanes in which nothing waits behind a gap: nearly all, with every message. */
  const whole = memoryOf<true>(scope)
  const wrote = (row: Pick<InboxRow, 'owner' | 'from' | 'line' | 'state'>) => {
    if (row.state === 'waiting') whole.forget(laneName(row))
  }
  const shown = (rows: readonly Stored[]): InboxRow[] => {
    const read = texts.reader()
    return rows.map(({ sealed, textKey, ...row }) => ({
      ...row,
      payload: read({ sealed, textKey }, inboxPlace(row)),
    }))
  }
  const columns = rowColumns(inbox)
  const ours = eq(inbox.mesh, mesh)
  const asked = named({ owner: 0, from: 0, msg: 0, line: 0, until: 0, keep: 0, after: 0, limit: 0 })
  const byKey = and(ours, eq(inbox.owner, asked.owner), eq(inbox.msg, asked.msg), eq(inbox.from, asked.from))

  const find = orm.select(columns).from(inbox).where(byKey).prepare()
  const insert = hotWrite<Exclude<keyof InboxRow, 'payload'> | keyof SealedText>(
    scope,
    orm.insert(inbox).values({ mesh, ...named(columns) }),
  )
  const update = orm
    .update(inbox)
    .set(assigned({ state: 0, position: 0, late: 0, gap: 0, receipt: 0, receiptWhy: 0 }))
    .where(byKey)
    .prepare()
  const byMsg = orm
    .select(columns)
    .from(inbox)
    .where(and(ours, eq(inbox.owner, asked.owner), eq(inbox.msg, asked.msg)))
    .orderBy(asc(inbox.row))
    .prepare()
  const waiting = orm
    .select({ ...columns, place: inbox.row })
    .from(inbox)
    .where(
      and(
        ours,
        sql`state = 'waiting'`,
        eq(inbox.owner, asked.owner),
        eq(inbox.from, asked.from),
        eq(inbox.line, asked.line),
      ),
    )
    .prepare()
  const early = orm
    .select(columns)
    .from(inbox)
    .where(and(ours, sql`state = 'early'`, lte(inbox.sentAt, asked.until)))
    .orderBy(asc(inbox.sentAt), asc(inbox.row))
    .prepare()

  const getLane = orm
    .select(rowColumns(lane))
    .from(lane)
    .where(
      and(
        eq(lane.mesh, mesh),
        eq(lane.owner, asked.owner),
        eq(lane.from, asked.from),
        eq(lane.line, asked.line),
      ),
    )
    .prepare()
  const putLane = hotWrite<keyof LaneRow>(
    scope,
    orm
      .insert(lane)
      .values({ mesh, ...named(rowColumns(lane)) })
      .onConflictDoUpdate({
        target: [lane.mesh, lane.owner, lane.from, lane.line],
        set: { next: sql`excluded.next`, waitedMs: sql`excluded.waited_ms` },
      }),
  )
  const waits = orm
    .select({ one: sql`1` })
    .from(inbox)
    .where(
      and(
        eq(inbox.mesh, lane.mesh),
        sql`state = 'waiting'`,
        eq(inbox.owner, lane.owner),
        eq(inbox.from, lane.from),
        eq(inbox.line, lane.line),
      ),
    )

  /** What was also sent from here keeps its steps as long as the outbox has it. */
  const sent = orm
    .select({ one: sql`1` })
    .from(outboxMessage)
    .where(and(eq(outboxMessage.mesh, mesh), eq(outboxMessage.msg, asked.msg)))
  const forgetTrace = orm
    .delete(trace)
    .where(and(eq(trace.mesh, mesh), eq(trace.msg, asked.msg), notExists(sent)))
    .prepare()

  /** By which bounds are asked for, and for which states. */
  const lists = new Map<string, ReturnType<typeof prepareList>>()
  const prepareList = ({ owner, states, after }: InboxFilter) =>
    orm
      .select(columns)
      .from(inbox)
      .where(
        and(
          ours,
          isNotNull(inbox.position),
          owner === undefined ? undefined : eq(inbox.owner, asked.owner),
          states === undefined ? undefined : inArray(inbox.state, [...states]),
          after === undefined ? undefined : gt(inbox.position, asked.after),
        ),
      )
      .orderBy(asc(inbox.position), asc(inbox.row))
      .limit(asked.limit)
      .prepare()

  const keepUnopened = orm
    .insert(unopened)
    .values({ mesh, ...named(rowColumns(unopened)) })
    .onConflictDoNothing()
    .prepare()
  const unopenedBeyond = orm
    .select({ row: unopened.row })
    .from(unopened)
    .where(eq(unopened.mesh, mesh))
    .orderBy(desc(unopened.row))
    .limit(Number.MAX_SAFE_INTEGER)
    .offset(asked.keep)
    .prepare()

  return {
    find: (owner, from, msg) => shown(find.all({ owner, from, msg }))[0],
    insert: ({ payload, ...row }) => {
      wrote(row)
      insert({ ...row, ...texts.seal(hourOf(row.receivedAt), inboxPlace(row), payload) })
    },
    update: row => {
      wrote(row)
      update.run({ ...row })
    },
    byMsg: (owner, msg) => shown(byMsg.all({ owner, msg })),
    list: filter => {
      const { owner, states, after, limit } = filter
      const shape = `${owner === undefined}/${states?.join()}/${after === undefined}`
      const list = lists.get(shape) ?? prepareList(filter)
      lists.set(shape, list)
      return shown(list.all({ owner, after, limit: limit ?? Number.MAX_SAFE_INTEGER }))
    },
    count: (owner, states, member) =>
      orm
        .select({ n: count() })
        .from(inbox)
        .where(
          and(
            ours,
            eq(inbox.owner, owner),
            inArray(inbox.state, [...states]),
            member === undefined
              ? undefined
              : sql`substr(${inbox.from}, 1, ${member.length + 1}) = ${`${member}/`}`,
          ),
        )
        .get()!.n,
    lane: (owner, from, line) =>
      lanes.get(laneName({ owner, from, line }), () => {
        late.write()
        return getLane.get({ owner, from, line })
      }),
    putLane: row => {
      const name = laneName(row)
      late.put(`lane/${mesh}/${name}`, () => putLane(row))
      lanes.set(name, row)
    },
    waiting: (owner, from, line) => {
      const name = laneName({ owner, from, line })
      if (whole.held(name)) return []
      const rows = shown(inPlace(waiting.all({ owner, from, line })))
      if (rows.length === 0) whole.set(name, true)
      return rows.sort((a, b) => a.pairSeq - b.pairSeq || a.receivedAt - b.receivedAt)
    },
    gapped: () => {
      late.write()
      return orm
        .select(rowColumns(lane))
        .from(lane)
        .where(and(eq(lane.mesh, mesh), sql`EXISTS ${waits}`))
        .all()
    },
    early: until => shown(early.all({ until })),
    keepUnopened: (row, keep) => {
      keepUnopened.run({ ...row })
      const rows = unopenedBeyond.all({ keep }).map(each => each.row)
      if (rows.length > 0) orm.delete(unopened).where(inArray(unopened.row, rows)).run()
    },
    unopened: owner =>
      orm
        .select(rowColumns(unopened))
        .from(unopened)
        .where(and(eq(unopened.mesh, mesh), eq(unopened.owner, owner)))
        .orderBy(asc(unopened.row))
        .all(),
    forget: now => {
      const gone = orm
        .delete(inbox)
        .where(and(ours, sql`state IN ('surfaced', 'read')`, lt(inbox.forgetAt, now), isNull(inbox.textKey)))
        .returning({ msg: inbox.msg })
        .all()
      for (const { msg } of gone) forgetTrace.run({ msg })
    },
  }
}
