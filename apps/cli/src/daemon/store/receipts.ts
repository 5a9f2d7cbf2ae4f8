/** Receipts that wait to be sealed to those who wrote to us. */
import type { QueuedReceipt, ReceiptDue, ReceiptStore } from '@claudemesh/client'
import { and, asc, eq, sql } from 'drizzle-orm'
import { named, rowColumns } from './columns.ts'
import { hotWrite } from './hot.ts'
import { receiptDue } from './inbox-schema.ts'
import type { MeshScope } from './mesh-scope.ts'
import { pendingRows } from './pending-rows.ts'

export function receiptStore(scope: MeshScope): ReceiptStore {
  const { orm, mesh, undone, late } = scope
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
  const remove = hotWrite<'row'>(
    scope,
    orm.delete(receiptDue).where(and(ours, eq(receiptDue.row, sql.placeholder('row')))),
  )
  const any = orm.select({ one: sql`1` }).from(receiptDue).where(ours).limit(1).prepare()
  const written = pendingRows(scope, () => any.get() === undefined)
  /** Of the transaction under way, not written yet: nearly all are sealed in it, and never are. Their rows are below zero. */
  let fresh: QueuedReceipt[] = []
  let since = undone()
  let lowest = 0
  const standing = () => {
    if (since !== undone()) fresh = []
    since = undone()
    return fresh
  }
  const write = () => {
    for (const item of standing()) {
      queue(item)
      written.came()
    }
    fresh = []
  }
  const isDue = (item: ReceiptDue, owner: string, now: number) => item.owner === owner && item.dueAt <= now
  return {
    queue: items => {
      standing().push(...items.map(item => ({ ...item, row: --lowest })))
      late.put(`receipts/${mesh}`, write)
    },
    due: (owner, now, limit) => {
      const rows = written.isNone() ? [] : due.all({ owner, now, limit })
      const unwritten = standing().filter(item => isDue(item, owner, now))
      return [...rows, ...unwritten].slice(0, limit)
    },
    remove: rows => {
      const gone = new Set(rows)
      fresh = standing().filter(({ row }) => !gone.has(row))
      for (const row of rows)
        if (row > 0) {
          remove({ row })
          written.went()
        }
    },
  }
}
