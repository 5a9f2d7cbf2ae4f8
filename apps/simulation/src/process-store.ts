/** A client's store as one process reaches it: durable rows outlive the process, and at a chosen commit it dies just before or just after. */
import type { ClientStore, InboxRow, OutboxMessageRow } from '@claudemesh/client'
import type { Process } from './scheduler.ts'

/** Not an error of the mesh: the process is gone. */
export class Died extends Error {}

interface Sent extends Pick<OutboxMessageRow, 'owner' | 'msg' | 'ttlMs'> {
  readonly to: readonly string[]
}

export interface DiskParts {
  readonly process: Process
  /** Rows of the inbox that stand from now on. */
  readonly stored: (rows: readonly InboxRow[]) => void
  /** Texts of the outbox that stand from now on. */
  readonly sent: (all: readonly Sent[]) => void
  /** Whether the process dies at the commit that is due now. */
  readonly dies: () => 'before' | 'after' | null
  readonly die: () => void
}

/** The parts of a store whose functions are one step each. */
const PARTS = [
  'settings',
  'counters',
  'roster',
  'epochs',
  'prekeys',
  'openers',
  'directory',
  'outbox',
  'inbox',
  'receipts',
  'trace',
  'texts',
] as const satisfies readonly Exclude<keyof ClientStore, 'transaction' | 'purge'>[]

/** `store` for `process`: every call of a dead process throws `Died`, and what its last transaction did is undone. */
export function processStore(
  store: ClientStore,
  { process, stored, sent, dies, die }: DiskParts,
): ClientStore {
  let depth = 0
  let arrived: InboxRow[] = []
  let written: Sent[] = []
  const alive = () => {
    if (!process.alive) throw new Died()
  }
  const guarded = <Part extends object>(part: Part): Part =>
    Object.fromEntries(
      Object.entries(part).map(([name, work]: [string, (...given: unknown[]) => unknown]) => [
        name,
        (...given: unknown[]) => {
          alive()
          return work(...given)
        },
      ]),
    ) as Part
  const parts = Object.fromEntries(PARTS.map(name => [name, guarded(store[name])])) as Omit<
    ClientStore,
    'transaction' | 'purge'
  >
  return {
    ...parts,
    inbox: {
      ...parts.inbox,
      insert(row) {
        parts.inbox.insert(row)
        arrived.push(row)
      },
    },
    outbox: {
      ...parts.outbox,
      insert(row, recipients) {
        parts.outbox.insert(row, recipients)
        if (row.kind === 'text') written.push({ ...row, to: recipients.map(one => one.to) })
      },
    },
    purge: () => store.purge(),
    transaction(work) {
      alive()
      if (depth > 0) return work()
      const fate = dies()
      depth++
      arrived = []
      written = []
      try {
        const result = store.transaction(() => {
          const made = work()
          if (fate === 'before') throw new Died()
          return made
        })
        stored(arrived)
        sent(written)
        if (fate === 'after') throw new Died()
        return result
      } finally {
        depth--
        if (fate !== null) die()
      }
    },
  }
}
