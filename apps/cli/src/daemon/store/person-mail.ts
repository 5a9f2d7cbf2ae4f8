/** Which of the person's messages were given to which of her sessions, so that none is given to two. */
import { and, asc, eq, exists, inArray, not, type SQL, sql } from 'drizzle-orm'
import { inbox } from './inbox-schema.ts'
import type { MeshScope } from './mesh-scope.ts'
import { personMail } from './session-schema.ts'

export interface PersonMail {
  /** Gives these to the session, but for those that another has. */
  give(msgs: readonly string[], uuid: string): void
  /** Messages that this session has. */
  of(uuid: string): Set<string>
  /** What waits in the person's mailbox and no session has, in order. */
  ungiven(): string[]
  takeBack(msgs: readonly string[]): void
  /** Lets go of what the inbox has forgotten. */
  forget(): void
}

export function personMailOf({ orm, mesh }: MeshScope): PersonMail {
  const ours = eq(personMail.mesh, mesh)
  const msgs = (condition: SQL | undefined) =>
    new Set(
      orm
        .select({ msg: personMail.msg })
        .from(personMail)
        .where(condition)
        .all()
        .map(row => row.msg),
    )
  return {
    give: (list, uuid) => {
      for (const msg of list) orm.insert(personMail).values({ mesh, msg, uuid }).onConflictDoNothing().run()
    },
    of: uuid => msgs(and(ours, eq(personMail.uuid, uuid))),
    ungiven: () => {
      const given = orm
        .select({ one: sql`1` })
        .from(personMail)
        .where(and(ours, eq(personMail.msg, inbox.msg)))
      return orm
        .select({ msg: inbox.msg })
        .from(inbox)
        .where(
          and(
            eq(inbox.mesh, mesh),
            eq(inbox.owner, ''),
            inArray(inbox.state, ['unread', 'pushed']),
            not(exists(given)),
          ),
        )
        .orderBy(asc(inbox.position), asc(inbox.row))
        .all()
        .map(row => row.msg)
    },
    takeBack: list => {
      if (list.length > 0)
        orm
          .delete(personMail)
          .where(and(ours, inArray(personMail.msg, [...list])))
          .run()
    },
    forget: () => {
      const message = orm
        .select({ one: sql`1` })
        .from(inbox)
        .where(and(eq(inbox.mesh, mesh), eq(inbox.owner, ''), eq(inbox.msg, personMail.msg)))
      orm
        .delete(personMail)
        .where(and(ours, not(exists(message))))
        .run()
    },
  }
}
