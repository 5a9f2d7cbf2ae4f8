/** Sealings of outbox messages: the bytes that must go out until they are answered, and how each ended for whom. */
import type { OutboxStore, SealingRecipientRow, SealingRow } from '@claudemesh/client'
import { and, asc, eq, isNull, sql } from 'drizzle-orm'
import { assigned, inPlace, named, rowColumns } from './columns.ts'
import { hotWrite } from './hot.ts'
import { memoryOf } from './memory.ts'
import type { MeshScope } from './mesh-scope.ts'
import { outboxMessage as message, sealingRecipient as recipient, sealing } from './schema.ts'

type SealingMethods = Pick<
  OutboxStore,
  | 'addSealing'
  | 'sealing'
  | 'sealingsOf'
  | 'updateSealing'
  | 'sealingRecipients'
  | 'endSealing'
  | 'hasLiveSealing'
  | 'unaccepted'
> & {
  /** Sealings were removed with their message. */
  forgetSealings(): void
}

/** What is small is remembered until it was answered, twice: by the broker, and by who received it. */
const REMEMBERED = 2_000
const SMALL_BYTES = 4_096
const FEW = 8
interface Remembered {
  readonly row: SealingRow
  readonly to: readonly SealingRecipientRow[]
}

export function sealingStore(scope: MeshScope): SealingMethods {
  const { orm, mesh } = scope
  const memory = memoryOf<Remembered>(scope, REMEMBERED)
  const columns = rowColumns(sealing)
  const ours = eq(sealing.mesh, mesh)
  const asked = named({ id: 0, msg: 0, to: 0, owner: 0 })
  const byId = and(ours, eq(sealing.id, asked.id))
  const toOne = and(eq(recipient.mesh, mesh), eq(recipient.id, asked.id), eq(recipient.to, asked.to))
  const ofMessage = and(eq(message.mesh, sealing.mesh), eq(message.msg, sealing.msg))

  const add = hotWrite<keyof SealingRow>(scope, orm.insert(sealing).values({ mesh, ...named(columns) }))
  const addRecipient = hotWrite<'id' | 'to'>(
    scope,
    orm.insert(recipient).values({ mesh, id: asked.id, to: asked.to, end: null }),
  )
  const get = orm.select(columns).from(sealing).where(byId).prepare()
  const ofMsg = orm
    .select(columns)
    .from(sealing)
    .where(and(ours, eq(sealing.msg, asked.msg)))
    .orderBy(asc(sealing.row))
    .prepare()
  const update = hotWrite<keyof SealingRow>(
    scope,
    orm
      .update(sealing)
      .set(assigned({ sentAt: 0, state: 0, bytes: 0, seq: 0, auditIndex: 0, acceptedAt: 0 }))
      .where(byId),
  )
  const recipients = orm
    .select({ ...rowColumns(recipient), place: sql<number>`${recipient}.rowid` })
    .from(recipient)
    .where(and(eq(recipient.mesh, mesh), eq(recipient.id, asked.id)))
    .prepare()
  const end = orm
    .update(recipient)
    .set(assigned({ end: 0 }))
    .where(toOne)
    .prepare()
  const live = orm
    .select({ one: sql`1` })
    .from(sealing)
    .innerJoin(recipient, and(eq(recipient.mesh, sealing.mesh), eq(recipient.id, sealing.id)))
    .where(
      and(
        ours,
        eq(sealing.msg, asked.msg),
        sql`${sealing.state} IN ('sealed', 'accepted')`,
        eq(recipient.to, asked.to),
        isNull(recipient.end),
      ),
    )
    .limit(1)
    .prepare()
  const unaccepted = orm
    .select(columns)
    .from(sealing)
    .innerJoin(message, ofMessage)
    .where(and(ours, sql`${sealing.state} = 'sealed'`, eq(message.owner, asked.owner)))
    .orderBy(asc(sealing.row))
    .prepare()

  return {
    addSealing: (row, to) => {
      add(row)
      for (const each of to) addRecipient({ id: row.id, to: each })
      if (to.length <= FEW && (row.bytes?.length ?? 0) <= SMALL_BYTES)
        memory.set(row.id, { row, to: to.map(each => ({ id: row.id, to: each, end: null })) })
    },
    sealing: id => memory.held(id)?.row ?? get.get({ id }),
    sealingsOf: msg => ofMsg.all({ msg }),
    updateSealing: row => {
      update(row)
      const known = memory.held(row.id)
      if (known) memory.set(row.id, { ...known, row })
    },
    sealingRecipients: id => [...(memory.held(id)?.to ?? inPlace(recipients.all({ id })))],
    endSealing: (id, to, how) => {
      end.run({ id, to, end: how })
      memory.forget(id)
    },
    forgetSealings: () => memory.clear(),
    hasLiveSealing: (msg, to) => live.get({ msg, to }) !== undefined,
    unaccepted: owner => unaccepted.all({ owner }),
  }
}
