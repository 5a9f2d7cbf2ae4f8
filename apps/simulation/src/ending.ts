/** Looks at a world when it should be quiet: what both ends, the broker and its log hold. */
import { LogVerifier, recipientKey, rosterEntryHash } from '@claudemesh/crypto'
import { rosterEntry, toBase64url } from '@claudemesh/protocol'
import type { Ending } from './history.ts'
import type { Machine } from './machine.ts'
import { leaseState } from './storage/seats.ts'
import { bytesKey, type MeshRow } from './storage/tables.ts'
import type { World } from './world.ts'

/** Base64url keys of the members that the broker's roster has removed. */
export function removedMembers(world: World): string[] {
  const { members } = meshRow(world)
  return [...members].flatMap(([key, seq]) => (seq === null ? [] : [toBase64url(Buffer.from(key, 'latin1'))]))
}

export function endingOf(world: World): Ending {
  const mesh = meshRow(world)
  const removed = removedMembers(world)
  const standing = world.machines.filter(machine => !removed.includes(machine.member))
  const heads = Object.fromEntries(standing.map(machine => [machine.name, headOf(machine)]))
  return {
    outbox: standing.flatMap(outboxOf),
    inbox: standing.flatMap(inboxOf),
    heads: { ...heads, broker: Buffer.from(mesh.rosterHead).toString('hex') },
    leases: leasesOf(world, standing),
    auditFault: auditFault(world, mesh),
    queued: [...mesh.recipients.values()].reduce((n, row) => n + (row.removed ? 0 : row.queue.length), 0),
    offline: standing.flatMap(({ name, client }) =>
      client?.state === 'online'
        ? []
        : [`${name} is ${client?.state ?? 'down'}: ${client?.why?.message ?? ''}`],
    ),
  }
}

const meshRow = ({ tables, mesh }: World): MeshRow => tables.meshes.get(bytesKey(mesh))!

function outboxOf(machine: Machine): Ending['outbox'][number][] {
  const { outbox } = machine.store
  return outbox.list({}).flatMap(({ msg, owner, endsAt, composedAt, ttlMs }) =>
    outbox.recipients(msg).map(({ to, state }) => ({
      from: machine.keyOf(owner === '' ? null : owner),
      to,
      msg,
      state,
      endsAt: endsAt ?? composedAt + ttlMs,
    })),
  )
}

function inboxOf(machine: Machine): Ending['inbox'][number][] {
  return machine.mailboxes.flatMap(({ uuid, recipient }) => {
    const owner = uuid ?? ''
    const to = recipientKey(recipient)
    const released = machine.store.inbox
      .list({ owner })
      .map(({ from, msg }) => ({ to, from, msg, released: true }))
    const waiting = machine.store.inbox
      .gapped()
      .filter(lane => lane.owner === owner)
      .flatMap(({ from, line }) => machine.store.inbox.waiting(owner, from, line))
      .concat(machine.store.inbox.early(Number.MAX_SAFE_INTEGER).filter(row => row.owner === owner))
    return [...released, ...waiting.map(({ from, msg }) => ({ to, from, msg, released: false }))]
  })
}

function headOf({ store }: Machine): string {
  const last = store.roster.entries().at(-1)!
  return Buffer.from(rosterEntryHash(rosterEntry.decode(JSON.parse(last)))).toString('hex')
}

function leasesOf({ tables, scheduler }: World, standing: readonly Machine[]): Ending['leases'][number][] {
  const rows = [...tables.meshes.values()].flatMap(mesh => [...mesh.recipients.values()])
  const now = scheduler.now()
  return standing.flatMap(({ name, client }) =>
    (client?.peers() ?? []).map(({ recipient, lease }) => {
      const { member, session } = recipient
      const row = rows.find(({ key }) => Buffer.concat([member, session!]).equals(key))
      const is = row?.lease ? leaseState(tables, row.lease, now) : 'offline'
      return { seenBy: name, session: recipientKey(recipient), lease, is }
    }),
  )
}

function auditFault({ brokerKey }: World, { mesh, leaves, checkpoints }: MeshRow): string | null {
  const sha256 = (bytes: Uint8Array) => Bun.CryptoHasher.hash('sha256', bytes)
  const verifier = new LogVerifier({ mesh, keys: [brokerKey], sha256 })
  try {
    for (const { index, hash, at, salt, type, fields } of leaves) {
      verifier.leaf({ index, hash, body: { at, salt, type, fields }, pruned: false })
      for (const { size, note } of checkpoints) if (size === index + 1) verifier.checkpoint(note)
    }
    return null
  } catch (error) {
    return String(error)
  }
}
