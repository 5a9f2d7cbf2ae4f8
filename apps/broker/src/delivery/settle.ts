/** Ends that are written by another function than the lane's: one bounded commit at a time, alone in the lane, and senders are woken for their facts. */
import type { SettledRow } from '@claudemesh/db'
import { tellMail } from '../backplane/tell-mail.ts'
import type { Broker } from '../broker.ts'
import { recipientIndex } from './recipient-index.ts'

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
  broker: Broker,
  kind: 'expired' | 'dropped',
  commit: () => Promise<SettledRow[]>,
): Promise<boolean> {
  const { metrics, meshes, window } = broker
  try {
    const rows = await commit()
    metrics.count[kind] += rows.length
    const facts = rows.filter(({ factSeq }) => factSeq > 0)
    const elsewhere = facts.flatMap(({ fact: { mesh, from: recipient }, factSeq: seq }) => {
      const attachment = meshes.peek(mesh)?.attachments.get(recipientIndex(recipient))
      if (attachment === undefined) return [{ mesh, recipient, seq }]
      window.wake(attachment)
      return []
    })
    tellMail(broker.backplane, elsewhere)
    return rows.length > 0
  } catch (cause) {
    // Whether facts were written is not known: whoever is attached reads, before anything later is handed out from memory.
    for (const mesh of meshes.all())
      for (const attachment of mesh.attachments.values()) window.wake(attachment)
    throw cause
  }
}
