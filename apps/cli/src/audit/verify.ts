/** Verifies a log, wherever it comes from: the roster back to the mesh id, then every leaf and every signed head. */
import { type LogReport, LogVerifier, replayRoster } from '@claudemesh/crypto'
import { fromBase64url, MeshError, parseAs, rosterEntry } from '@claudemesh/protocol'
import type { LogItem } from './lines.ts'

export interface VerifiedLog extends LogReport {
  /** Base64url of the mesh id: whoever knows it knows that the log is of this mesh. */
  readonly mesh: string
}

const nativeSha256 = (bytes: Uint8Array): Uint8Array => Bun.SHA256.hash(bytes) as Uint8Array
/** A roster of ten thousand entries is large; no honest one is larger than this. */
const MOST_ENTRIES = 100_000

/**
 * `known`: signed heads held from elsewhere, by the mesh they are of. `mesh`: the only mesh it may be of.
 * Throws `integrity` with the first bad index in `facts.firstBad`.
 */
export async function verifyLog(
  items: AsyncIterable<LogItem>,
  o: {
    readonly known?: (mesh: string, head: string | undefined) => Promise<string[]>
    readonly mesh?: string | undefined
  } = {},
): Promise<VerifiedLog> {
  const entries: unknown[] = []
  let mesh: string | undefined
  let head: string | undefined
  let log: LogVerifier | undefined
  const opened = async (): Promise<LogVerifier> => {
    const known = (await o.known?.(mesh ?? '', head)) ?? []
    return begin(mesh, entries, o.mesh, head === undefined ? known : [...known, head])
  }
  for await (const item of items) {
    if ('mesh' in item && !log && mesh === undefined) ({ mesh, head } = item)
    else if ('entry' in item && !log && entries.length < MOST_ENTRIES) entries.push(item.entry)
    else {
      log ??= await opened()
      if ('leaf' in item) log.leaf(item.leaf)
      else if ('leaves' in item)
        for (const some of item.leaves) 'hashes' in some ? log.run(some) : log.leaf(some)
      else if ('checkpoint' in item) log.checkpoint(item.checkpoint)
      else throw broken('a line of its beginning stands among the leaves')
    }
  }
  log ??= await opened()
  return { mesh: mesh!, ...log.end() }
}

function begin(
  mesh: string | undefined,
  wire: readonly unknown[],
  expected: string | undefined,
  known: readonly string[],
): LogVerifier {
  const id = mesh === undefined ? undefined : fromBase64url(mesh)
  if (id?.length !== 32) throw broken('it does not say of which mesh it is')
  if (expected !== undefined && mesh !== expected)
    throw broken(`it is of the mesh ${mesh}, not of ${expected}`)
  const entries = wire.map((entry, seq) => {
    const parsed = parseAs(rosterEntry, entry)
    if (parsed.success) return parsed.data
    throw broken(`roster entry ${seq} cannot be read`)
  })
  replayRoster(entries, { mesh: id })
  const keys = entries.flatMap(entry => (entry.kind === 'broker' ? [entry.body.key] : []))
  return new LogVerifier({ mesh: id, keys, known, sha256: nativeSha256 })
}

const broken = (why: string) => new MeshError('integrity', `audit: ${why}`)
