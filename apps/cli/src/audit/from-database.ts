/** A log straight from the broker's database, read as it is: nothing in it is believed. */
import type { LeafRun, ShownLeaf } from '@claudemesh/crypto'
import {
  type AuditCheckpoint,
  auditRows,
  checkpointsIn,
  type Database,
  meshIds,
  openDatabase,
  partOfRun,
  rosterPage,
  runEnd,
} from '@claudemesh/db'
import { MeshError, toBase64url } from '@claudemesh/protocol'
import type { LogItem } from './lines.ts'

/** Leaves: less than 1 MiB. */
const PAGE = 4096
const HEADS = 5000
const ENTRIES = 256
const EVERY = Number.MAX_SAFE_INTEGER

/** `named`: mesh id or a prefix of it, where the database holds several. Throws `not-found`, `ambiguous`, `unreachable`. */
export async function* logFromDatabase(url: string, named: string | undefined): AsyncGenerator<LogItem> {
  const db = await openDatabase({ url, max: 2, applicationName: 'claudemesh-audit' })
  try {
    const mesh = await meant(db, named)
    yield { mesh: toBase64url(mesh) }
    for (let from = 0; ; ) {
      const { entries } = await rosterPage(db, { mesh, from, limit: ENTRIES, reader: mesh })
      for (const entry of entries) yield { entry }
      from += entries.length
      if (entries.length === 0) break
    }
    yield* leaves(db, mesh)
  } finally {
    await db.close()
  }
}

/** Page by page; a page ends where a signed head stands, also in the middle of what one row holds. */
async function* leaves(db: Database, mesh: Uint8Array): AsyncGenerator<LogItem> {
  const heads = headsOf(db, mesh)
  let head = (await heads.next()).value
  let count = 0
  for await (const rows of auditRows(db, { mesh, page: PAGE })) {
    let page: (ShownLeaf | LeafRun)[] = []
    for (const row of rows)
      for (let [from, end] = [row.index, runEnd(row)]; from < end; ) {
        const to = head ? Math.min(Math.max(from + head.size - count, from + 1), end) : end
        page.push('hashes' in row ? partOfRun(row, from, to) : { ...row, pruned: row.body === null })
        count += to - from
        from = to
        while (head && head.size <= count) {
          yield { leaves: page }
          page = []
          yield { checkpoint: head.note }
          head = (await heads.next()).value
        }
      }
    yield { leaves: page }
  }
  // A head over more leaves than there are: the tail is missing.
  if (head) yield { checkpoint: head.note }
}

/** The smallest first. */
async function* headsOf(db: Database, mesh: Uint8Array): AsyncGenerator<AuditCheckpoint, undefined> {
  for (let above = 0; ; ) {
    const heads = await checkpointsIn(db, { mesh, above, upTo: EVERY, limit: HEADS, order: 'smallest' })
    yield* heads
    if (heads.length === 0) return undefined
    above = heads.at(-1)!.size
  }
}

async function meant(db: Database, named: string | undefined): Promise<Uint8Array> {
  const all = await meshIds(db)
  const fits = all.filter(id => named === undefined || toBase64url(id).startsWith(named))
  const candidates = all.map(toBase64url)
  if (fits.length === 1) return fits[0]!
  if (fits.length === 0)
    throw new MeshError('not-found', 'The database holds no such mesh.', {
      field: 'mesh',
      facts: { candidates },
    })
  throw new MeshError('ambiguous', 'The database holds several meshes: name one by its id.', {
    field: 'mesh',
    facts: { candidates },
  })
}
