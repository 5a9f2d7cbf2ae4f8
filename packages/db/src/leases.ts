/**
 * Leases: nobody is shown online longer than the node that holds the socket lives, and away at most the grace. `now`, ms, is the
 * database's clock where it is not given: nodes are judged by the one clock they share.
 */
import { type Lease, TIMES } from '@claudemesh/protocol'
import type { Database } from './database.ts'
import type { Seat } from './delivery-types.ts'
import { run, timeOf } from './query.ts'
import { recipientOf } from './recipient-key.ts'

export interface LeaseChange extends Seat {
  readonly lease: Lease
  /** ms since 1970. */
  readonly leaseAt: number
}

interface LeaseRow {
  readonly mesh: Uint8Array
  readonly key: Uint8Array
  readonly state: Lease
  readonly state_at: string
}

/** One life of the node of this name: what an ended process still asks for cannot touch what a later one holds. A name has no `~`. */
export const lifeOf = (name: string): string =>
  `${name}~${Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex')}`

/** At the start of a broker: `node`, a life, beats until now + `leaseMs`, and what lives of its name before held is `away` from `now`. */
export async function claimNode(
  db: Database,
  p: { node: string; now?: number; leaseMs: number },
): Promise<LeaseChange[]> {
  const name = p.node.split('~', 1)[0]!
  const before = await run(db.sql<{ name: string }[]>`delete from mesh.node
    where name = ${name} or starts_with(name, ${`${name}~`}) returning name`)
  const left: LeaseChange[] = []
  for (const life of before) left.push(...(await leave(db, life.name, p.now)))
  await renewLeases(db, p)
  return left
}

/**
 * One heartbeat keeps every lease of the node until now + `leaseMs`. True where the node was not known any more: another one
 * took it for dead and ended its leases.
 */
export async function renewLeases(
  db: Database,
  p: { node: string; now?: number; leaseMs: number },
): Promise<boolean> {
  const [row] = await run(db.sql<
    { fresh: boolean }[]
  >`insert into mesh.node (name, beat_until) values (${p.node}, ${timeOf(db, p.now)} + ${p.leaseMs} * interval '1 millisecond')
    on conflict (name) do update set beat_until = greatest(node.beat_until, excluded.beat_until) returning xmax = 0 as fresh`)
  return row!.fresh
}

/** At shutdown: everything the node still holds is `away` from `now`. */
export async function releaseNode(db: Database, p: { node: string; now?: number }): Promise<LeaseChange[]> {
  const left = await leave(db, p.node, p.now)
  await run(db.sql`delete from mesh.node where name = ${p.node}`)
  return left
}

/** Leases of nodes that stopped beating become `away`, those away longer than 90 s `offline`. `node` asks, so it lives. */
export async function sweepLeases(db: Database, p: { now?: number; node?: string }): Promise<LeaseChange[]> {
  const changes: LeaseChange[] = []
  const dead = await run(
    db.sql<
      { name: string; until: string }[]
    >`delete from mesh.node where beat_until < ${timeOf(db, p.now)} and name <> ${p.node ?? ''} returning name, ${db.fn}.ms(beat_until) as until`,
  )
  const ends = new Map(dead.map(({ name, until }) => [name, Number(until)]))
  // Who stopped between the two statements left leases of a node that is gone: they are found by that.
  const orphaned = await run(db.sql<{ node: string }[]>`select distinct l.node from mesh.lease l
    where l.state = 'online' and not exists (select from mesh.node n where n.name = l.node)`)
  for (const { node } of orphaned) changes.push(...(await leave(db, node, ends.get(node) ?? p.now)))
  const ended = await run(
    db.sql<LeaseRow[]>`select * from ${db.fn}.end_grace(${db.fn}.ms(${timeOf(db, p.now)}), ${TIMES.graceMs})`,
  )
  return [...changes, ...ended.map(change)]
}

async function leave(db: Database, node: string, at: number | undefined): Promise<LeaseChange[]> {
  const rows = await run(db.sql<LeaseRow[]>`select * from ${db.fn}.leave(array[${node}], ${timeOf(db, at)})`)
  return rows.map(change)
}

const change = (row: LeaseRow): LeaseChange => ({
  mesh: row.mesh,
  recipient: recipientOf(row.key),
  lease: row.state,
  leaseAt: Number(row.state_at),
})
