/** Receipts that wait to be sealed to those who wrote to us. */
import type { QueuedReceipt, ReceiptStore } from '@claudemesh/client'
import { and, asc, eq, gt, sql } from 'drizzle-orm'
import { named, rowColumns } from './columns.ts'
import { hotWrite } from './hot.ts'
import { receiptDue } from './inbox-schema.ts'
import type { MeshScope } from './mesh-scope.ts'

export function receiptStore(scope: MeshScope): ReceiptStore {
  const { orm, mesh } = scope
  const columns = rowColumns(receiptDue)
  const ours = eq(receiptDue.mesh, mesh)
  const asked = named({ owner: 0, now: 0, limit: 0 })
  const queue = hotWrite<Exclude<keyof QueuedReceipt, 'row'>>(
    scope,
    orm.insert(receiptDue).values({ mesh, ...named(columns) }),
  )
  const due = orm
    .select({ ...columns, row: receiptDue.row })
    .from(receiptDue)
    .where(and(ours, eq(receiptDue.owner, asked.owner), sql`+${receiptDue.dueAt} <= ${asked.now}`))
    .orderBy(asc(receiptDue.row))
    .limit(asked.limit)
    .prepare()
  const next = orm
    .select({ dueAt: receiptDue.dueAt })
    .from(receiptDue)
    .where(and(ours, gt(receiptDue.dueAt, asked.now)))
    .orderBy(asc(receiptDue.dueAt))
    .limit(1)
    .prepare()
  const remove = hotWrite<'row'>(
    scope,
    orm.delete(receiptDue).where(and(ours, eq(receiptDue.row, sql.placeholder('row')))),
  )
  return {
    queue: items => {
      for (const item of items) queue(item)
    },
    due: (owner, now, limit) => due.all({ owner, now, limit }),
    nextDueAt: now => next.get({ now })?.dueAt,
    remove: rows => {
      for (const row of rows) remove({ row })
    },
  }
}
