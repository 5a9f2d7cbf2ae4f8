/** What the audit log costs: this broker beside the same one whose database writes no leaves and signs no heads. */
import { FUNCTIONS } from '@claudemesh/db'
import postgres from 'postgres'
import { byTurns, Contestant } from './contestant.ts'
import { type Case, speedCase } from './report.ts'
import { median } from './stats.ts'

export interface AuditPlan {
  readonly pairs: number
  readonly rounds: number
  readonly ms: number
}

export async function measureAuditCost({ pairs, rounds, ms }: AuditPlan): Promise<Case[]> {
  const stops: (() => Promise<unknown>)[] = []
  try {
    const logged = await Contestant.start(stops, pairs)
    const bare = await Contestant.start(stops, pairs, withoutLeaves)
    await byTurns([logged, bare], rounds, each => each.race(ms))
    const base = 'durable, no audit log'
    return [
      speedCase(base, bare.perSecond),
      speedCase('durable, with its audit log', logged.perSecond, base, bare.perSecond),
      { name: `${base}: broker and Postgres`, unit: 'µs CPU/msg', value: median(bare.cpu) },
      {
        name: 'durable, with its audit log: the same',
        unit: 'µs CPU/msg',
        value: median(logged.cpu),
        ratioTo: base,
        ratio: median(logged.cpu.map((cpu, i) => cpu / bare.cpu[i]!)),
      },
    ]
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}

const LEAVES = /INSERT INTO mesh\.audit_(leaf|chunk) [^;]*;/g
/**
 * What the functions of the hot path write as leaves: `accepted` in two forms and `delivered`; `accepted` as foretold and not; `delivered` of
 * persons and of sessions; `accepted` in one form.
 */
const WRITTEN = { commit_batch: 3, commit_one: 2, commit_acks: 2, commit_few: 1 }
/** What a broker hashes leaves by before their commit. */
const HEAD = /IF v_meshes = 1 THEN head_seq [^;]*; head_index [^;]*; END IF;/

/** In the bench's own database alone: the functions of the hot path without their leaf lines, and no log that is due a signed head. */
async function withoutLeaves(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    for (const [name, count] of Object.entries(WRITTEN)) {
      const [row] = await sql<
        { text: string }[]
      >`select pg_get_functiondef(${`${FUNCTIONS.schema}.${name}`}::regproc) as text`
      if (row!.text.match(LEAVES)?.length !== count)
        throw new Error(`${name} writes other leaves than expected`)
      if (name === 'commit_batch' && !HEAD.test(row!.text))
        throw new Error('nothing tells how far the log is')
      await sql.unsafe(row!.text.replace(LEAVES, 'NULL;').replace(HEAD, ''))
    }
    const [due] = await sql<
      { text: string }[]
    >`select pg_get_functiondef(${`${FUNCTIONS.schema}.audit_due`}::regproc) as text`
    await sql.unsafe(due!.text.replace('WHERE h.audit_size > ', 'WHERE false AND h.audit_size > '))
  } finally {
    await sql.end()
  }
}
