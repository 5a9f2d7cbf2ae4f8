/** Which refusals the log is told of: those that concern a mesh of this broker. */
import { inviteByCode } from '@claudemesh/crypto'
import type { ClientFrameOf, ErrorCode } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import type { Connection } from '../ws/connection.ts'

/** Nothing was judged: the fault is ours, or the frame's form. */
const NO_VERDICT: readonly ErrorCode[] = ['internal', 'unavailable', 'draining', 'bad-frame', 'unknown-mesh']

/** A hello that was refused, by the code of its error. */
export async function noteRefusedHello(
  broker: Broker,
  { address }: Connection,
  hello: ClientFrameOf<'hello'>,
  why: ErrorCode,
): Promise<void> {
  if (NO_VERDICT.includes(why)) return
  const { refusals, meshes, db } = broker
  if (hello.as !== 'invite') return refusals.note({ type: 'auth-refused', mesh: hello.mesh, address, why })
  const mesh = await db.findInviteMesh(hello.code)
  if (mesh === null) return
  const roster = meshes.peek(mesh)?.roster
  const invite = roster && inviteByCode(roster, hello.code)
  refusals.note({ type: 'invite-refused', mesh, address, why, invite: invite?.hash ?? null })
}

/** Somebody of the mesh came too fast. `bucket`: which of theirs was empty. */
export function noteLimited(
  { refusals }: Broker,
  { address, standing }: Connection,
  bucket: 'frames' | 'envelopes',
): void {
  if (standing.is === 'stranger') return
  refusals.note({ type: 'limited', mesh: standing.mesh.id, address, why: bucket })
}
