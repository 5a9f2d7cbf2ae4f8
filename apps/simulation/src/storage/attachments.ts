/** Attachments, leases, presence and the directory of the model. */

import { recipientFields } from '@claudemesh/crypto'
import { type Certificate, equalBytes, MeshError, type Recipient, TIMES } from '@claudemesh/protocol'
import { writeLeaf } from './audit.ts'
import { keyOf, leased, meshOf, recipientOf, rowOf, rowsOf } from './seats.ts'
import type { Synchronous } from './synchronous.ts'
import { bytesKey, type LeaseRow, type Tables } from './tables.ts'

type AttachmentQueries = Pick<
  Synchronous,
  | 'attach'
  | 'changedLeases'
  | 'claimNode'
  | 'detach'
  | 'otherNodes'
  | 'putPrekey'
  | 'putPresence'
  | 'releaseNode'
  | 'renewLeases'
  | 'setHookStatus'
  | 'sweepLeases'
  | 'waitingAt'
>
type Changes = ReturnType<AttachmentQueries['sweepLeases']>

export const attachmentQueries = (tables: Tables): AttachmentQueries => {
  const leave = (node: string, at: number): Changes => {
    const changes: Changes = []
    for (const mesh of tables.meshes.values())
      for (const { key, attachment, lease } of mesh.recipients.values()) {
        if (lease?.state !== 'online' || lease.node !== node) continue
        Object.assign(lease, { state: 'away', stateAt: at, changedAt: tables.now() })
        const recipient = recipientOf(key)
        writeLeaf(tables, mesh, 'detached', [...recipientFields(recipient), attachment])
        changes.push({ mesh: mesh.mesh, recipient, lease: 'away', leaseAt: at })
      }
    return changes
  }
  const renew = (node: string, until: number): boolean => {
    const before = tables.nodes.get(node)
    tables.nodes.set(node, Math.max(before ?? 0, until))
    return before === undefined
  }

  return {
    attach(request) {
      const { recipient, certificate, prekey, presence, node, now } = request
      const mesh = meshOf(tables, request.mesh)
      const person = rowOf(mesh, { member: recipient.member, session: null })
      if (!person) return { error: 'unauthenticated' }
      if (person.removed) return { error: 'removed' }
      const known = rowOf(mesh, recipient)
      const held = known?.lease
      if (held && held.prekey.n > prekey.n)
        return { error: 'counter', field: 'prekey', standing: held.prekey }
      if (held && presence && held.presence && held.presenceCounter > presence.counter)
        return { error: 'counter', field: 'presence', standing: held.presence }
      const row = known ?? tables.addRecipient(mesh, keyOf(recipient))
      const fresh = request.renew !== row.attachment
      if (fresh) row.attachment++
      if (certificate) row.knownUntil = Math.max(row.knownUntil ?? 0, certificate.notAfter + TIMES.knownMs)
      row.lease = {
        uuid: request.uuid,
        certificate,
        prekey,
        presence: presence ?? held?.presence ?? null,
        presenceCounter: Math.max(held?.presenceCounter ?? 0, presence?.counter ?? 0),
        state: 'online',
        stateAt: held?.state === 'online' ? held.stateAt : now,
        node,
        hookTokenHash: request.hookTokenHash ?? held?.hookTokenHash ?? null,
        hook: held?.hook ?? null,
        changedAt: held && looksTheSame(held, node, certificate, presence) ? held.changedAt : tables.now(),
      }
      if (fresh) writeLeaf(tables, mesh, 'attached', [...recipientFields(recipient), row.attachment])
      const queuedUpTo = Math.max(row.acked, row.queue.at(-1)?.seq ?? 0)
      return { error: null, attachment: row.attachment, queuedUpTo, ackedUpTo: row.acked, fresh }
    },
    detach({ mesh: id, seats, now = tables.now() }) {
      const mesh = meshOf(tables, id)
      const away: Recipient[] = []
      for (const { recipient, attachment } of seats) {
        const row = rowOf(mesh, recipient)
        if (row?.attachment !== attachment || row.lease?.state !== 'online') continue
        Object.assign(row.lease, { state: 'away', stateAt: now, changedAt: tables.now() })
        writeLeaf(tables, mesh, 'detached', [...recipientFields(recipient), attachment])
        away.push(recipient)
      }
      return away
    },
    claimNode({ node, now = tables.now(), leaseMs }) {
      const [name] = node.split('~')
      const before = [...tables.nodes.keys()].filter(life => life.split('~')[0] === name)
      for (const life of before) tables.nodes.delete(life)
      const left = before.flatMap(life => leave(life, now))
      renew(node, now + leaseMs)
      return left
    },
    renewLeases: ({ node, now = tables.now(), leaseMs }) => renew(node, now + leaseMs),
    releaseNode({ node, now = tables.now() }) {
      const left = leave(node, now)
      tables.nodes.delete(node)
      return left
    },
    sweepLeases({ now = tables.now(), node: asks }) {
      const ends = new Map([...tables.nodes].filter(([node, until]) => until < now && node !== asks))
      for (const node of ends.keys()) tables.nodes.delete(node)
      const online = allRows(tables).flatMap(({ row }) =>
        row.lease?.state === 'online' ? [row.lease.node] : [],
      )
      const orphaned = new Set(online.filter(node => !tables.nodes.has(node)))
      const changes = [...orphaned].flatMap(node => leave(node, ends.get(node) ?? now))
      for (const mesh of tables.meshes.values())
        for (const { key, lease } of mesh.recipients.values()) {
          if (lease?.state !== 'away' || lease.stateAt > now - TIMES.graceMs) continue
          Object.assign(lease, {
            state: 'offline',
            stateAt: lease.stateAt + TIMES.graceMs,
            changedAt: tables.now(),
          })
          changes.push({
            mesh: mesh.mesh,
            recipient: recipientOf(key),
            lease: 'offline',
            leaseAt: lease.stateAt,
          })
        }
      return changes
    },
    otherNodes: ({ node, now = tables.now() }) => ({
      others: [...tables.nodes].filter(([name, until]) => name !== node && until >= now).length,
      clock: tables.now(),
    }),
    changedLeases: ({ since, limit }) =>
      allRows(tables)
        .flatMap(({ mesh, row: { key, attachment, lease } }) =>
          lease && lease.changedAt >= since
            ? [{ mesh: mesh.mesh, recipient: recipientOf(key), attachment, changedAt: lease.changedAt }]
            : [],
        )
        .sort((a, b) => a.changedAt - b.changedAt)
        .slice(0, limit),
    waitingAt: ({ node, meshes }) =>
      meshes.flatMap(id =>
        rowsOf(tables.meshes.get(bytesKey(id))).flatMap(({ key, lease, queue }) => {
          const newest = queue.at(-1)?.seq
          const isHere = lease?.node === node && lease.state === 'online'
          return isHere && newest !== undefined ? [{ mesh: id, recipient: recipientOf(key), newest }] : []
        }),
      ),
    putPrekey({ mesh, prekey, now }) {
      if (prekey.usableUntil <= now)
        throw new MeshError('expired', 'this prekey ran out', { field: 'prekey' })
      const lease = leased(tables, mesh, prekey)
      if (lease.prekey.n > prekey.n) throw counter('prekey', lease.prekey)
      lease.prekey = prekey
    },
    putPresence({ mesh, record, certificate, now }) {
      if (certificate && certificate.notAfter <= now)
        throw new MeshError('expired', 'this certificate ran out', { field: 'certificate' })
      const lease = leased(tables, mesh, record)
      if (lease.presenceCounter > record.counter) throw counter('presence', lease.presence)
      if (
        lease.presenceCounter !== record.counter ||
        (certificate && isOther(lease.certificate, certificate))
      )
        lease.changedAt = tables.now()
      Object.assign(lease, { presence: record, presenceCounter: record.counter })
      if (!certificate) return
      lease.certificate = certificate
      const row = rowOf(tables.meshes.get(bytesKey(mesh)), record)!
      row.knownUntil = Math.max(row.knownUntil ?? 0, certificate.notAfter + TIMES.knownMs)
    },
    setHookStatus({ tokenHash, uuid, status, now }) {
      for (const mesh of tables.meshes.values())
        for (const { key, lease, removed } of mesh.recipients.values()) {
          if (removed || !lease?.hookTokenHash || !equalBytes(lease.hookTokenHash, tokenHash)) continue
          if (lease.uuid !== uuid)
            throw new MeshError('not-found', 'this hook token belongs to another session', {
              field: 'session_id',
            })
          if (lease.hook?.at !== now) lease.changedAt = tables.now()
          lease.hook = { status, at: now }
          return { mesh: mesh.mesh, recipient: recipientOf(key) }
        }
      throw new MeshError('unauthenticated', 'this hook token is not known')
    },
  }
}

const allRows = ({ meshes }: Tables) =>
  [...meshes.values()].flatMap(mesh => rowsOf(mesh).map(row => ({ mesh, row })))

const isOther = (one: Certificate | null, other: Certificate | null): boolean =>
  one === null || other === null ? one !== other : !equalBytes(one.memberSignature, other.memberSignature)

/** An attach of which others see nothing new. */
const looksTheSame = (
  held: LeaseRow,
  node: string,
  certificate: Certificate | null,
  presence: { readonly counter: number } | null,
): boolean =>
  held.state === 'online' &&
  held.node === node &&
  held.presenceCounter >= (presence?.counter ?? 0) &&
  !isOther(held.certificate, certificate)

const counter = (field: 'prekey' | 'presence', standing: unknown) =>
  new MeshError('counter', `a newer ${field} stands`, { field, facts: { standing } })
