/** What the nodes of one broker tell each other: that something changed, never what. Losing any of it loses nothing: `look.ts` finds it. */
import { key, recipient, seq } from '@claudemesh/protocol'
import { z } from 'zod'

/** Entries of one list in one message. */
export const NEWS_ITEMS = 256

/** One mesh, and what of it is worth a look in the database. */
export const news = z.strictObject({
  mesh: key,
  /** Something stands in these queues, up to `seq`. */
  mail: z.array(z.strictObject({ recipient, seq })).max(NEWS_ITEMS).optional(),
  /** Attached elsewhere under this number. */
  attached: z
    .array(z.strictObject({ recipient, attachment: seq }))
    .max(NEWS_ITEMS)
    .optional(),
  /** Sessions that others see differently now. */
  presence: z.array(recipient).max(NEWS_ITEMS).optional(),
  /** The roster has come to this seq. */
  roster: seq.optional(),
  /** So many leaves are signed. */
  checkpoint: seq.optional(),
})
export type News = z.output<typeof news>

/** Said by a node that may have been silent about what it did: everybody looks. */
export const again = z.strictObject({ again: z.literal(true) })
export type Again = z.output<typeof again>

/** Whether nodes hear each other: `none` where nobody said how they could. */
export type BackplaneState = 'none' | 'connected' | 'disconnected'

export interface Backplane {
  readonly state: BackplaneState
  /** Messages taken, told, and refused as none of ours. */
  readonly count: { in: number; out: number; refused: number }
  /** Tells all other nodes, at most once. Never throws, never waits. */
  tell(news: News): void
  /** `arrive` gets what others tell; `missed` is called when some of it may be lost, to us or to them. Call it once. */
  listen(arrive: (news: News) => void, missed: () => void): void
  close(): Promise<void>
}

/** Nobody to tell: other nodes on the same database are found by looking. */
export const noBackplane: Backplane = {
  state: 'none',
  count: { in: 0, out: 0, refused: 0 },
  tell() {},
  listen() {},
  close: () => Promise.resolve(),
}
