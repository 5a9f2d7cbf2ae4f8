/** Queues are read together: what is asked for while statements are under way goes with the next one. */
import type { FactKind, FactReason, Recipient } from '@claudemesh/protocol'
import { concatBytes } from '@claudemesh/protocol'
import { numberArray } from './array-text.ts'
import type { QueueRow } from './delivery-types.ts'
import { FUNCTIONS } from './function-set.ts'
import { recipientKey, recipientOf } from './recipient-key.ts'
import type { Stopwatch } from './stopwatch.ts'

/** Which rows of whose queue. */
export interface QueueAsked {
  readonly mesh: Uint8Array
  readonly recipient: Recipient
  /** The last seq that is known already. */
  readonly after: number
  readonly maxRows: number
  /** Of envelopes; the first comes whatever its size. */
  readonly maxBytes: number
}

/** Rows of a queue, fewer than were asked for where the database has other work. */
export interface QueuePage {
  readonly rows: QueueRow[]
  /** The mesh's last seq of that moment. */
  readonly upTo: number
  /** A limit cut the rows: above them others may wait. Else nothing waits up to `upTo` but them. */
  readonly more: boolean
}

/** Statements under way at once, each on a connection of its own. */
export const READERS = 2
/** Queues in one statement. */
const QUEUES = 256
/** A statement ends behind the queue that brings it to so many bytes; the others go with the next one. */
const BYTES = 1 << 20
/** The same beside mail, and no queue brings more: one statement at a time then, none of them long for whoever commits meanwhile. */
const BYTES_BESIDE = 64 << 10
/** Behind one that brought so many beside mail is a rest as long as it took: more than half of its time a backlog never has. */
const BYTES_TO_REST = BYTES_BESIDE / 2
/** As long as a session's key is, and a person's is filled up to. */
const KEY_BYTES = 64

const READ = `select * from ${FUNCTIONS.schema}.read_queues($1, $2, $3::int[], $4::bigint[], $5::int[], $6::bigint[], $7::bigint) as q(
  place int, head bigint, seq bigint, header bytea, slot bytea, body bytea, kind text, why text, envelope_id bytea, to_key bytea,
  at bigint, signature bytea, more boolean)`

interface Row {
  /** Of the queue among those asked for, from 1. */
  readonly place: number
  readonly head: string | null
  /** `null`: nothing waits. */
  readonly seq: string | null
  readonly header: Uint8Array
  readonly slot: Uint8Array
  readonly body: Uint8Array
  readonly kind: FactKind | null
  readonly why: FactReason
  readonly envelope_id: Uint8Array
  readonly to_key: Uint8Array
  readonly at: string
  readonly signature: Uint8Array
  /** In a row of its own behind the others, where bytes cut them. */
  readonly more: boolean
}

interface Waiting extends QueueAsked {
  readonly answer: PromiseWithResolvers<QueuePage>
}

type Statement = (statement: string, parameters: readonly (string | Uint8Array)[]) => Promise<Row[]>

export class QueueReads {
  private waiting: Waiting[] = []
  private underWay = 0
  private turn = false

  private readonly statement: Statement

  /** Whether envelopes were accepted lately. */
  private readonly mail: () => boolean
  private readonly stopwatch: Stopwatch

  constructor(statement: Statement, mail: () => boolean, stopwatch: Stopwatch) {
    this.statement = statement
    this.mail = mail
    this.stopwatch = stopwatch
  }

  /** Rejects with what the driver throws. */
  read(asked: QueueAsked): Promise<QueuePage> {
    const answer = Promise.withResolvers<QueuePage>()
    this.waiting.push({ ...asked, answer })
    this.soon()
    return answer.promise
  }

  /** When all that is asked for in this turn of the event loop has been. */
  private soon(): void {
    if (this.turn || this.underWay >= this.places()) return
    this.turn = true
    queueMicrotask(() => {
      this.turn = false
      while (this.waiting.length > 0 && this.underWay < this.places())
        void this.next(this.waiting.splice(0, QUEUES))
    })
  }

  private places(): number {
    return this.mail() ? 1 : READERS
  }

  private async next(asked: Waiting[]): Promise<void> {
    this.underWay++
    const beside = this.mail()
    const began = this.stopwatch.elapsed()
    let bytes = 0
    try {
      const [mostOfOne, most] = beside ? [BYTES_BESIDE, BYTES_BESIDE] : [Number.MAX_SAFE_INTEGER, BYTES]
      const rows = await this.statement(READ, [...parametersOf(asked, mostOfOne), String(most)])
      const pages = pagesOf(rows, asked)
      bytes = bytesOf(rows)
      for (const [i, page] of pages.entries()) asked[i]!.answer.resolve(page)
      this.waiting.unshift(...asked.slice(pages.length))
    } catch (cause) {
      for (const { answer } of asked) answer.reject(cause)
    } finally {
      if (beside && bytes >= BYTES_TO_REST) await this.rest(this.stopwatch.elapsed() - began)
      this.underWay--
      if (this.waiting.length > 0) this.soon()
    }
  }

  private rest(ms: number): Promise<void> {
    return new Promise(resolve => void this.stopwatch.after(ms, resolve))
  }
}

function parametersOf(asked: readonly QueueAsked[], mostBytes: number): (string | Uint8Array)[] {
  const keys = asked.map(({ recipient }) => recipientKey(recipient))
  const padded = new Uint8Array(KEY_BYTES * keys.length)
  for (const [i, key] of keys.entries()) padded.set(key, KEY_BYTES * i)
  const list = (of: (one: QueueAsked) => number) => numberArray(asked.map(of))
  return [
    concatBytes(...asked.map(one => one.mesh)),
    padded,
    numberArray(keys.map(key => key.length)),
    list(one => one.after),
    list(one => one.maxRows),
    list(one => Math.min(one.maxBytes, mostBytes)),
  ]
}

/** The pages of the queues that were looked at, which are the first ones. */
function pagesOf(rows: readonly Row[], asked: readonly QueueAsked[]): QueuePage[] {
  const pages: { rows: QueueRow[]; upTo: number; more: boolean }[] = []
  for (const row of rows) {
    const i = row.place - 1
    pages[i] ??= { rows: [], upTo: Number(row.head ?? 0), more: false }
    const page = pages[i]
    if (row.seq !== null) page.rows.push(queueRow(row, Number(row.seq), asked[i]!))
    page.more = row.more || page.rows.length === asked[i]!.maxRows
  }
  return pages
}

const bytesOf = (rows: readonly Row[]): number =>
  rows.reduce(
    (sum, { body, header, slot }) => sum + (body?.length ?? 0) + (header?.length ?? 0) + (slot?.length ?? 0),
    0,
  )

function queueRow(row: Row, seq: number, { mesh, recipient }: QueueAsked): QueueRow {
  if (row.kind === null) return { seq, kind: 'envelope', header: row.header, slot: row.slot, body: row.body }
  const { kind, why, envelope_id: id, signature } = row
  const fact = {
    mesh,
    kind,
    why,
    id,
    from: recipient,
    to: recipientOf(row.to_key),
    at: Number(row.at),
    signature,
  }
  return { seq, kind: 'fact', fact }
}
