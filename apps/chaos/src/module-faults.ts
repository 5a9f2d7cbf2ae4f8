/** Faults that are planted in a daemon or broker, each around what one of its modules makes. */
import * as planted from '@claudemesh/simulation'

interface ModuleFault<Made> {
  /** Below the repository. */
  readonly module: string
  /** The function it exports whose result is wrapped. */
  readonly makes: string
  readonly around: (made: Made) => Made
}

type Store = ReturnType<typeof planted.dedupeOff.client>
interface DeliveryPort {
  readonly pushed: (uuid: string, ids: string[], way: string) => void
  readonly surfaced: (uuid: string, ids: string[], proof: 'hook') => void
}

const CLIENT_STORE = { module: 'apps/cli/src/daemon/store/client-store.ts', makes: 'openMeshStore' } as const

/** The inbox forgets which messages it knows: what comes again is shown again. */
const dedupeOff: ModuleFault<Store> = { ...CLIENT_STORE, around: planted.dedupeOff.client }

/** What came in is acknowledged and answered at once, and written a moment later: a kill in between loses what was `delivered`. */
const receiptBeforeStoring: ModuleFault<Store> = {
  ...CLIENT_STORE,
  around: store => planted.receiptBeforeStoring.client(store, (ms, work) => void setTimeout(work, ms)),
}

/** Words count as shown to the model when they are handed over: a session that dies before its turn has seen nothing of them. */
const receiptBeforeSurfacing: ModuleFault<DeliveryPort> = {
  module: 'apps/cli/src/daemon/delivery-port.ts',
  makes: 'deliveryPort',
  around: port => ({
    ...port,
    pushed(uuid, ids, way) {
      port.pushed(uuid, ids, way)
      port.surfaced(uuid, ids, 'hook')
    },
  }),
}

/** A queue is read by the clocks of its senders, not in the order of its commits. */
const orderByTime: ModuleFault<ReturnType<typeof planted.readByTime>> = {
  module: 'packages/db/src/broker-store.ts',
  makes: 'brokerStore',
  around: planted.readByTime,
}

export const MODULE_FAULTS = {
  'order by time': orderByTime,
  'dedupe off': dedupeOff,
  'receipt before storing': receiptBeforeStoring,
  'receipt before surfacing': receiptBeforeSurfacing,
}

export const isModuleFault = (name: string): name is keyof typeof MODULE_FAULTS =>
  Object.hasOwn(MODULE_FAULTS, name)
