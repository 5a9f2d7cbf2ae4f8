/** Writes down what was refused since the last time, each count as one leaf. */
import { encodeFields, type Field } from '@claudemesh/crypto'
import { MeshError } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'

/** A mesh that is not here leaves none. */
export async function writeRefusals({ refusals, db }: Broker): Promise<void> {
  for (const { mesh, type, address, why, invite, count } of refusals.take()) {
    const of: Field[] = type === 'invite-refused' ? [invite ?? null] : []
    try {
      await db.appendAudit({ mesh, type, fields: encodeFields([...of, address, why, count]) })
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'unknown-mesh') throw error
    }
  }
}
