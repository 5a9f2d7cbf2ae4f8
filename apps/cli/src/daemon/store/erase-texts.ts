/** Makes texts unreadable that are to be: what is still needed of an old hour goes under the key of this one, and the old key is erased. */
import type { TextStore } from '@claudemesh/client'
import { and, eq, inArray, isNotNull } from 'drizzle-orm'
import { inboxPlace } from './inbox.ts'
import { inbox } from './inbox-schema.ts'
import type { MeshScope } from './mesh-scope.ts'
import { outboxMessage } from './schema.ts'
import type { StoreFile } from './store-file.ts'
import { DAMAGED, ERASED, endOf, hourOf, type SealedText, type Texts, textsOf, UNSEALED } from './texts.ts'

export function textStore(scope: MeshScope, transaction: StoreFile['transaction']): TextStore {
  const outboxTexts = textsOf(scope, 'outbox')
  const inboxTexts = textsOf(scope, 'inbox')
  return {
    erase: (now, inboxBefore) =>
      transaction(() => {
        const isErased = eraseOutbox(scope, outboxTexts, hourOf(now))
        return eraseInbox(scope, inboxTexts, hourOf(now), inboxBefore) || isErased
      }),
  }
}

/** What is damaged stays known to be, and keeps no key from being erased. */
function moved(texts: Texts, hour: number, place: string, text: string | null): SealedText {
  return text === null ? DAMAGED : texts.seal(hour, place, text)
}

/** A text of the outbox is needed as long as it stands there: it moves on with every hour. */
function eraseOutbox({ orm, mesh }: MeshScope, texts: Texts, hour: number): boolean {
  const held = and(eq(outboxMessage.mesh, mesh), isNotNull(outboxMessage.textKey))
  return eachHour(
    texts,
    old => old !== hour,
    old => {
      const rows = orm
        .select()
        .from(outboxMessage)
        .where(and(held, eq(outboxMessage.textKey, old)))
        .all()
      const read = texts.reader()
      for (const row of rows)
        orm
          .update(outboxMessage)
          .set(moved(texts, hour, row.msg, read(row, row.msg)))
          .where(eq(outboxMessage.row, row.row))
          .run()
      return rows.length > 0
    },
  )
}

/** A text of the inbox goes when all of its hour came before `before`, unless nobody has read it: then it starts anew. */
function eraseInbox({ orm, mesh }: MeshScope, texts: Texts, hour: number, before: number): boolean {
  const held = and(eq(inbox.mesh, mesh), isNotNull(inbox.textKey))
  const isOver = (old: number) => old !== UNSEALED && endOf(old) <= before
  return eachHour(
    texts,
    // A clock that was ahead wrote under hours that would not end in time.
    old => old === UNSEALED || old > hour + 1 || isOver(old),
    old => {
      const ofHour = and(held, eq(inbox.textKey, old))
      const read = texts.reader()
      if (isOver(old))
        orm
          .update(inbox)
          .set(ERASED)
          .where(and(ofHour, inArray(inbox.state, ['surfaced', 'read'])))
          .run()
      const kept = orm.select().from(inbox).where(ofHour).all()
      for (const row of kept)
        orm
          .update(inbox)
          .set(moved(texts, hour, inboxPlace(row), read(row, inboxPlace(row))))
          .where(eq(inbox.row, row.row))
          .run()
      return kept.length > 0
    },
  )
}

/** True if something was erased or sealed that stood open. */
function eachHour(texts: Texts, isDue: (hour: number) => boolean, empty: (hour: number) => boolean): boolean {
  const due = texts.hours().filter(isDue)
  for (const hour of due) {
    empty(hour)
    texts.erase(hour)
  }
  return (isDue(UNSEALED) && empty(UNSEALED)) || due.length > 0
}
