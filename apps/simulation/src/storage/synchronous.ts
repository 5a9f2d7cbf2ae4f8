/** The queries of a broker as functions that answer at once: what the model is, before time is put around it. */
import type { BrokerStore } from '@claudemesh/db'

export type Queries = Omit<BrokerStore, 'close'>

export type Synchronous = {
  readonly [Name in keyof Queries]: Queries[Name] extends (...given: infer Given) => Promise<infer Answer>
    ? (...given: Given) => Answer
    : never
}
