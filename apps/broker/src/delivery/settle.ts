/** Ends that are written by another function than the lane's: one bounded commit at a time, alone in the lane, and senders are woken for their facts. */
import type { SettledRow } from '@claudemesh/db'
import type { Broker } from '../broker.ts'

/** Calls `commit` until it ends nothing more; each call ends a bounded number of rows. */
export async function settleAll(
  broker: Broker,
  kind: 'expired' | 'dropped',
  commit: () => Promise<SettledRow[]>,
): Promise<void> {
  let more = true
  while (more) more = await broker.lane.exclusive(() => settleSome(broker, kind, commit))
}

async function settleSome(
  { backplane, metrics, meshes, window }: Broker,
  kind: 'expired' | 'dropped',
  commit: () => Promise<SettledRow[]>,
): Promise<boolean> {
  try {
    const rows = await commit()
    metrics.count[kind] += rows.length
    for (const { fact, factSeq } of rows)
      if (factSeq > 0) backplane.wake({ mesh: fact.mesh, recipient: fact.from })
    return rows.length > 0
  } catch (cause) {
    // Whether facts were written is not known: whoever is attached reads, before anything later is handed out from memory.
    for (const mesh of meshes.all())
      for (const attachment of mesh.attachments.values()) window.wake(attachment)
    throw cause
  }
}
