/** A log straight from the broker's database, read as it is: nothing in it is believed. */
import { auditRows, checkpointsIn, type Database, meshIds, openDatabase, rosterPage } from '@claudemesh/db'
import { MeshError, toBase64url } from '@claudemesh/protocol'
import type { LogItem } from './lines.ts'

const PAGE = 5000
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

async function* leaves(db: Database, mesh: Uint8Array): AsyncGenerator<LogItem> {
  let heads = (
    await checkpointsIn(db, { mesh, above: 0, upTo: EVERY, limit: PAGE, order: 'smallest' })
  ).values()
  let head = heads.next().value
  let count = 0
  for await (const rows of auditRows(db, { mesh, page: PAGE }))
    for (const { index, hash, body } of rows) {
      yield { leaf: { index, hash, body, pruned: body === null } }
      count++
      while (head && head.size <= count) {
        yield { checkpoint: head.note }
        const { size } = head
        head = heads.next().value
        if (head) continue
        heads = (
          await checkpointsIn(db, { mesh, above: size, upTo: EVERY, limit: PAGE, order: 'smallest' })
        ).values()
        head = heads.next().value
      }
    }
  // A head over more leaves than there are: the tail is missing.
  if (head) yield { checkpoint: head.note }
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
