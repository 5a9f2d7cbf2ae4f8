/** Faults of each class that a checker must find, planted by wrapping a port: the product's own code knows nothing of them. */
import type { ClientStore } from '@claudemesh/client'
import type { AcceptOutcome, BrokerStore } from '@claudemesh/db'
import { decodeHeader } from '@claudemesh/protocol'
import type { Process, Scheduler } from './scheduler.ts'
import { bytesKey, type Tables } from './storage/tables.ts'

/** What the process does in so many ms, unless it has died by then. */
type After = (ms: number, work: () => void) => void

export interface PlantedBug {
  /** Around the storage of a broker. */
  readonly broker?: (
    store: BrokerStore,
    o: { readonly scheduler: Scheduler; readonly process: Process; readonly tables: Tables },
  ) => BrokerStore
  /** Around the store of a client. */
  readonly client?: (store: ClientStore, after: After) => ClientStore
  /** The receiving side says `surfaced` before its model was shown the message. */
  readonly tellsFirst?: boolean
}

export const NO_BUG: PlantedBug = {}

/** How long what was said already is not so yet, ms. */
const LIE_MS = 300

/** The broker's storage says what a commit will answer, and commits a moment later: a crash in between loses what was accepted. */
const ackBeforeCommit: PlantedBug = {
  broker(store, { scheduler, process, tables }) {
    let promised = 0
    return {
      ...store,
      async commit(batch) {
        const isPlain =
          batch.acks.length === 0 && new Set(batch.accepts.map(({ mesh }) => bytesKey(mesh))).size === 1
        if (!isPlain) return store.commit(batch)
        const mesh = tables.meshes.get(bytesKey(batch.accepts[0]!.mesh))
        promised = Math.max(promised, mesh?.seq ?? 0)
        scheduler.after(process, LIE_MS, () => void store.commit(batch).catch(() => {}))
        const accepts = batch.accepts.map((item): AcceptOutcome => {
          const seq = ++promised
          const recipients = item.to.map(() => 'queued' as const)
          return { error: null, seq, auditIndex: 0, at: scheduler.now(), recipients, repeat: false }
        })
        return { accepts, acks: [] }
      },
    }
  },
}

/** The inbox forgets which messages it knows: what comes again is shown again. */
export const dedupeOff = {
  client: (store: ClientStore): ClientStore => ({
    ...store,
    inbox: {
      ...store.inbox,
      find: () => undefined,
      insert(row) {
        if (store.inbox.find(row.owner, row.from, row.msg)) store.inbox.update(row)
        else store.inbox.insert(row)
      },
    },
  }),
}

/** A queue is read by the clocks of its senders, not in the order of its commits. */
export const readByTime = (store: BrokerStore): BrokerStore => ({
  ...store,
  async readQueue(page) {
    const { rows, ...rest } = await store.readQueue(page)
    const timeOf = (row: (typeof rows)[number]) =>
      row.kind === 'envelope' ? decodeHeader(row.header).sentAt : row.fact.at
    return { rows: rows.toSorted((a, b) => timeOf(a) - timeOf(b)), ...rest }
  },
})

/** What came in is acknowledged and answered at once, and written a moment later: a crash in between loses what was `delivered`. */
export const receiptBeforeStoring = {
  client(store: ClientStore, after: After): ClientStore {
    const late = new Map<string, Parameters<ClientStore['inbox']['insert']>[0]>()
    const nameOf = (owner: string, from: string, msg: string) => `${owner} ${from} ${msg}`
    return {
      ...store,
      inbox: {
        ...store.inbox,
        find: (owner, from, msg) => late.get(nameOf(owner, from, msg)) ?? store.inbox.find(owner, from, msg),
        insert(row) {
          const name = nameOf(row.owner, row.from, row.msg)
          late.set(name, row)
          after(LIE_MS, () => {
            const standing = late.get(name)!
            late.delete(name)
            store.transaction(() => store.inbox.insert(standing))
          })
        },
        update(row) {
          const name = nameOf(row.owner, row.from, row.msg)
          const standing = late.get(name)
          if (standing) late.set(name, { ...standing, ...row, payload: standing.payload })
          else store.inbox.update(row)
        },
      },
    }
  },
}

/** By class. */
export const PLANTED_BUGS = {
  'ack before commit': ackBeforeCommit,
  'dedupe off': dedupeOff,
  'order by time': { broker: readByTime },
  'receipt before storing': receiptBeforeStoring,
  'receipt before surfacing': { tellsFirst: true },
} satisfies Record<string, PlantedBug>
