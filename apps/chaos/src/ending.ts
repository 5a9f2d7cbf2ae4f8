/** What stands on every disk: both ends, the broker's queues and its log, as the checker wants it. */
import { Database } from 'bun:sqlite'
import { leavesOf, readLeafFields, rosterEntryHash, uuidText } from '@claudemesh/crypto'
import { auditDue, openDatabase } from '@claudemesh/db'
import { rosterEntry, toBase64url } from '@claudemesh/protocol'
import type { Ending, HistoryEvent } from '@claudemesh/simulation'
import { logFromDatabase, type Peer, type StatusReply, verifyLog } from 'claudemesh'
import type { Machine } from './machine.ts'
import type { World } from './world.ts'

/** Messages of one machine as they stand in its outbox, oldest first. */
interface SentRow {
  readonly msg: string
  readonly owner: string
  readonly ttl_ms: number
  readonly to: string
  readonly state: string
  readonly ends_at: number
}
interface ReceivedRow {
  readonly owner: string
  readonly from: string
  readonly msg: string
  readonly position: number | null
}

/** What was sent and stored, by the files of the machines. */
export interface Stored {
  readonly sent: Extract<HistoryEvent, { type: 'sent' }>[]
  readonly stored: Extract<HistoryEvent, { type: 'stored' }>[]
  readonly outbox: Ending['outbox']
  readonly inbox: Ending['inbox']
}

/** Also of what nobody was confirmed, because its daemon died behind the commit. */
export function readStores(machines: readonly Machine[]): Stored {
  const found = machines.map(readStore)
  return {
    sent: found.flatMap(one => one.sent),
    stored: found.flatMap(one => one.stored),
    outbox: found.flatMap(one => one.outbox),
    inbox: found.flatMap(one => one.inbox),
  }
}

function readStore(machine: Machine): Stored {
  const keys = new Map(machine.mailboxes.map(({ uuid, key }) => [uuid ?? '', key]))
  const db = new Database(machine.store, { readonly: true })
  try {
    const rows = db
      .query<SentRow, []>(
        `select m.msg, m.owner, m.ttl_ms, r."to", r.state, coalesce(m.ends_at, m.composed_at + m.ttl_ms) as ends_at
        from outbox_message m join outbox_recipient r on r.mesh = m.mesh and r.msg = m.msg
        where m.kind = 'text' order by m.row, r.row`,
      )
      .all()
    const sent = new Map<string, Stored['sent'][number] & { to: string[] }>()
    for (const { msg, owner, ttl_ms: ttlMs, to } of rows) {
      const known = sent.get(msg)
      if (known) known.to.push(to)
      else sent.set(msg, { type: 'sent', from: keys.get(owner) ?? owner, to: [to], msg, ttlMs })
    }
    const received = db
      .query<ReceivedRow, []>(
        `select owner, "from", msg, position from inbox where kind = 'text' order by row`,
      )
      .all()
      .map(({ owner, ...row }) => ({ ...row, to: keys.get(owner) ?? owner }))
    return {
      sent: [...sent.values()],
      stored: received.map(({ to, from, msg }) => ({ type: 'stored', to, from, msg })),
      outbox: rows.map(({ msg, owner, to, state, ends_at: endsAt }) => {
        return { from: keys.get(owner) ?? owner, to, msg, state, endsAt }
      }),
      inbox: received.map(({ to, from, msg, position }) => ({ to, from, msg, released: position !== null })),
    }
  } finally {
    db.close()
  }
}

/** What the broker, its log and the daemons say of each other, when all is up. */
export async function readTruths({
  machines,
  postgres,
}: World): Promise<Omit<Ending, 'outbox' | 'inbox' | 'auditFault'>> {
  const db = await openDatabase({ url: postgres.url, max: 1, applicationName: 'chaos' })
  try {
    const [head] = await db.sql<{ roster_head: Uint8Array; queued: number }[]>`
      select roster_head, (select count(*)::int from mesh.delivery) as queued from mesh.mesh_head`
    const seats = await db.sql<{ key: Uint8Array; state: string }[]>`
      select r.key, case when l.state = 'online' and coalesce(n.beat_until < now(), true) then 'away' else l.state end as state
      from mesh.recipient r join mesh.lease l on l.recipient_id = r.id left join mesh.node n on n.name = l.node
      where octet_length(r.key) = 64`
    const is = new Map(seats.map(({ key, state }) => [sessionKey(key), state]))
    const heads: Record<string, string> = { broker: Buffer.from(head!.roster_head).toString('hex') }
    const leases: Ending['leases'][number][] = []
    const offline: string[] = []
    for (const machine of machines) {
      heads[machine.name] = headOf(machine)
      for (const { member, session, lease } of (await machine.call('peers', {})) as Peer[])
        if (session !== null) {
          const key = `${member}/${session}`
          leases.push({ seenBy: machine.name, session: key, lease, is: is.get(key) ?? 'offline' })
        }
      const { meshes } = (await machine.call('status', {})) as StatusReply
      for (const { state, why } of meshes)
        if (state !== 'online') offline.push(`${machine.name} is ${state}: ${why}`)
    }
    return { heads, leases, offline, queued: head!.queued }
  } finally {
    await db.close()
  }
}

const sessionKey = (key: Uint8Array): string =>
  `${toBase64url(key.slice(0, 32))}/${toBase64url(key.slice(32))}`

function headOf(machine: Machine): string {
  const db = new Database(machine.store, { readonly: true })
  try {
    const last = db
      .query<{ entry: string }, []>('select entry from roster_entry order by seq desc limit 1')
      .get()!
    return Buffer.from(rosterEntryHash(rosterEntry.decode(JSON.parse(last.entry)))).toString('hex')
  } finally {
    db.close()
  }
}

/** Whether no leaf waits for a signed head: before that the end of a log proves nothing. */
export async function isSigned({ postgres }: World): Promise<boolean> {
  const db = await openDatabase({ url: postgres.url, max: 1, applicationName: 'chaos' })
  try {
    return (await auditDue(db, { limit: 1 })).length === 0
  } finally {
    await db.close()
  }
}

/** Reads the whole log as a stranger does: what it says was accepted, and what the verifier of `claudemesh audit verify` finds wrong. */
export async function readLog(
  url: string,
): Promise<{ committed: Extract<HistoryEvent, { type: 'committed' }>[]; auditFault: string | null }> {
  const committed: Extract<HistoryEvent, { type: 'committed' }>[] = []
  async function* items(): ReturnType<typeof logFromDatabase> {
    for await (const item of logFromDatabase(url, undefined)) {
      for (const some of 'leaves' in item ? item.leaves : [])
        for (const { body } of 'hashes' in some ? leavesOf(some) : [some]) {
          if (body?.type !== 'accepted') continue
          const { id, seq } = readLeafFields('accepted', body.fields)
          committed.push({ type: 'committed', id: uuidText(id as Uint8Array), seq: seq as number })
        }
      yield item
    }
  }
  try {
    await verifyLog(items())
    return { committed, auditFault: null }
  } catch (error) {
    return { committed, auditFault: String(error) }
  }
}
