/** What no other node told: found by looking into the database. Often while nodes do not hear each other, seldom while they do. */
import type { LeaseNews } from '@claudemesh/db'
import type { Recipient } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import { recipientIndex } from '../delivery/recipient-index.ts'
import { replaceAttachment } from '../delivery/replace-attachment.ts'
import { LEASE_BEAT_MS } from '../presence/leases.ts'
import { tellHere } from '../presence/tell-presence.ts'
import { catchUp } from '../roster/catch-up.ts'
import type { MeshState } from '../roster/mesh-state.ts'
import { arrive, tellCheckpoint } from './arrive.ts'

/** While nodes hear each other, or nobody else is there, only every so many looks are whole ones. */
const SELDOM = 5
/** A change may be committed so much later than its time says. */
const LATE_MS = 10_000
/** What was told is remembered so much longer: a slow read must not be taken for newer. */
const TOLD_MS = 60_000
const LEASES_A_LOOK = 1000
/** Whoever repeats what a node said once makes us look no more often than this. */
const SOON_MS = 50

/** One look; most of them cost one small query, or none. */
export async function look(broker: Broker): Promise<void> {
  const { looked, backplane, clock, db, settings, node } = broker
  const now = clock.now()
  const hears = backplane.state === 'connected'
  const seldom = now - looked.at >= (hears ? settings.LOOK_MS * SELDOM : LEASE_BEAT_MS)
  if (hears && !looked.due && !seldom) return
  // Who left since the last look may have committed before.
  const before = looked.others
  const around = await db.otherNodes({ node })
  looked.others = around.others
  if (before + looked.others === 0 && !looked.due && !seldom) return
  looked.due = false
  looked.at = now
  await lookAtHeads(broker)
  await lookAtLeases(broker, around.clock)
}

/** A whole look in a moment: one, however often it is asked for meanwhile. */
export function lookSoon(broker: Broker): void {
  const { looked, clock, log } = broker
  looked.due = true
  if (looked.soon) return
  looked.soon = true
  clock.after(SOON_MS, () => {
    looked.soon = false
    if (!broker.draining) void look(broker).catch(cause => log.error('look.failed', cause))
  })
}

async function lookAtHeads(broker: Broker): Promise<void> {
  const { db, meshes, node } = broker
  const inUse = [...meshes.all()].filter(mesh => mesh.sockets.size > 0 || mesh.guests > 0)
  if (inUse.length === 0) return
  const lacking: { mesh: MeshState; seq: number }[] = []
  for (const { mesh: id, seq, rosterSeq, checkpointSize } of await db.meshHeads({
    meshes: inUse.map(mesh => mesh.id),
  })) {
    const mesh = meshes.peek(id)
    if (mesh === undefined) continue
    if (rosterSeq > mesh.roster.seq) await catchUp(broker, mesh)
    await tellCheckpoint(broker, mesh, checkpointSize)
    if (mesh.run.lacks(seq)) lacking.push({ mesh, seq })
  }
  if (lacking.length === 0) return
  const ids = lacking.map(({ mesh }) => mesh.id)
  for (const { mesh, recipient, newest } of await db.waitingAt({ node, meshes: ids }))
    arrive(broker, { mesh, mail: [{ recipient, seq: newest }] })
  for (const { mesh, seq } of lacking) mesh.run.sawAll(seq)
}

/** Sessions that came, went or said something new, and attachments here that others replaced. */
async function lookAtLeases(broker: Broker, clock: number): Promise<void> {
  const { looked, db, meshes } = broker
  // By the database's clock, from which leases have their times: ours may be ahead, and it may have been set back.
  looked.leasesUntil = Math.min(looked.leasesUntil ?? clock, clock)
  let since = looked.leasesUntil - LATE_MS
  for (const mesh of meshes.all())
    for (const [index, changedAt] of mesh.told) if (changedAt < since - TOLD_MS) mesh.told.delete(index)
  for (;;) {
    const changed = await db.changedLeases({ since, limit: LEASES_A_LOOK })
    const last = changed.at(-1)?.changedAt ?? since
    await tellChanged(broker, changed)
    looked.leasesUntil = Math.max(looked.leasesUntil, last)
    if (changed.length < LEASES_A_LOOK) {
      // What is committed from now on is of this time, but for what may be late.
      looked.leasesUntil = Math.max(looked.leasesUntil, clock)
      return
    }
    if (last === since) return
    since = last
  }
}

async function tellChanged(broker: Broker, changed: readonly LeaseNews[]): Promise<void> {
  const { meshes } = broker
  const untold = new Map<MeshState, Recipient[]>()
  for (const { mesh: id, recipient, attachment, changedAt } of changed) {
    const mesh = meshes.peek(id)
    if (mesh === undefined) continue
    const index = recipientIndex(recipient)
    const here = mesh.attachments.get(index)
    if (here !== undefined && here.number < attachment) replaceAttachment(meshes, here)
    if ((mesh.told.get(index) ?? 0) >= changedAt) continue
    const group = untold.get(mesh)
    if (group === undefined) untold.set(mesh, [recipient])
    else group.push(recipient)
  }
  for (const [mesh, recipients] of untold) tellHere(broker, mesh, recipients)
}
