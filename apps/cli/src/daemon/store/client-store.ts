/** One mesh's `ClientStore` in the daemon's SQLite file. */
import type { ClientStore } from '@claudemesh/client'
import { eq } from 'drizzle-orm'
import { directoryStore } from './directory.ts'
import { textStore } from './erase-texts.ts'
import { inboxStore } from './inbox.ts'
import type { MeshScope } from './mesh-scope.ts'
import { counterStore, settingStore } from './named-values.ts'
import { openerStore } from './openers.ts'
import { outboxStore } from './outbox.ts'
import { epochStore, eraseOwnKeys, prekeyStore } from './own-keys.ts'
import { receiptStore } from './receipts.ts'
import { rosterStore } from './roster.ts'
import { mesh } from './schema.ts'
import type { StoreFile } from './store-file.ts'
import { traceStore } from './trace.ts'

export interface MeshStore extends ClientStore {
  /** `mesh.row`: for the daemon's own tables. */
  readonly scope: MeshScope
}

/** The store of a mesh (base64url id), empty where the file has not met it. */
export function openMeshStore(file: StoreFile, id: string): MeshStore {
  file.orm.insert(mesh).values({ id }).onConflictDoNothing().run()
  const { row } = file.orm.select().from(mesh).where(eq(mesh.id, id)).get()!
  const scope = { orm: file.orm, mesh: row, undone: () => file.undone, late: file.late }
  return {
    scope,
    transaction: file.transaction,
    purge: file.checkpoint,
    settings: settingStore(scope),
    counters: counterStore(scope),
    roster: rosterStore(scope),
    epochs: epochStore(scope),
    prekeys: prekeyStore(scope),
    openers: openerStore(scope),
    directory: directoryStore(scope),
    outbox: outboxStore(scope),
    inbox: inboxStore(scope),
    receipts: receiptStore(scope),
    trace: traceStore(scope),
    texts: textStore(scope, file.transaction),
  }
}

/** Erases everything of a mesh. */
export function eraseMeshStore(file: StoreFile, id: string): void {
  file.transaction(() => {
    const held = file.orm.select().from(mesh).where(eq(mesh.id, id)).get()
    if (held) eraseOwnKeys({ orm: file.orm, mesh: held.row })
    file.orm.delete(mesh).where(eq(mesh.id, id)).run()
  })
  file.checkpoint()
}
