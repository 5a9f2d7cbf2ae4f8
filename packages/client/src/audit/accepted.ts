/** That what the broker accepted stands in its log: the leaf says of the sealing what was sent, and is in the tree that is pinned. */
import { readLeafFields, storedLeafHash, uuidBytes, verifyInclusion } from '@claudemesh/crypto'
import { type BrokerFrameOf, equalBytes, type Recipient, toBase64url } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import type { SealingRow } from '../store.ts'
import { auditBroken } from './heads.ts'

/** One accepted sealing and its proof. */
export interface AcceptedProof {
  /** UUIDv7 of the sealing. */
  readonly id: string
  readonly index: number
  readonly size: number
  readonly leaf: NonNullable<BrokerFrameOf<'proof'>['leaf']>
  readonly hashes: readonly Uint8Array[]
  /** The checkpoint that it is proven under. */
  readonly note: string
}

/**
 * Proofs of the accepted sealings of a message that the pinned checkpoint covers; none of those accepted after it, or whose body
 * retention has dropped. Throws `integrity` for a log that says something else than the broker did, or what the link throws.
 */
export async function proveAccepted(core: Core, link: Link, msg: string): Promise<AcceptedProof[]> {
  const { pinned } = core.audit
  if (!pinned) return []
  const { note } = pinned
  const { size, root } = pinned.checkpoint
  const proofs: AcceptedProof[] = []
  for (const sealing of core.store.outbox.sealingsOf(msg)) {
    const { id, auditIndex: index } = sealing
    if (sealing.state !== 'accepted' || index >= size) continue
    const { hashes, leaf } = await link.request({ type: 'audit.proof', index, size }, 'proof')
    if (!leaf || !verifyInclusion({ index, size, leaf: leaf.hash, path: hashes, root }))
      throw notHeld(index, 'the broker proves no leaf there')
    if (!leaf.body) continue
    if (!equalBytes(storedLeafHash({ ...leaf.body, index }), leaf.hash))
      throw notHeld(index, 'the leaf shown is not the one in the tree')
    if (!says(core, sealing, leaf.body)) throw notHeld(index, 'the leaf is of something else')
    core.audit.proven.add(id)
    proofs.push({ id, index, size, leaf, hashes, note })
  }
  return proofs
}

function says(
  core: Core,
  sealing: SealingRow,
  { type, at, fields }: { type: string; at: number; fields: Uint8Array },
): boolean {
  if (type !== 'accepted' || at !== sealing.acceptedAt) return false
  const { id, from, seq, toHash } = readLeafFields('accepted', fields)
  const owner = core.store.outbox.message(sealing.msg)?.owner
  const party = owner === undefined ? undefined : core.parties.get(owner)
  const sender = from as Recipient
  const ours = equalBytes(sender.member, core.identity.member.publicKey)
  const session = party?.recipient.session
  const sameSession =
    !party || toBase64url(sender.session ?? new Uint8Array()) === toBase64url(session ?? new Uint8Array())
  const sameTo = sealing.toHash === null || equalBytes(toHash as Uint8Array, sealing.toHash)
  return (
    equalBytes(id as Uint8Array, uuidBytes(sealing.id)) &&
    seq === sealing.seq &&
    ours &&
    sameSession &&
    sameTo
  )
}

const notHeld = (index: number, why: string) =>
  auditBroken(`the log does not hold what the broker said it accepted as leaf ${index}: ${why}`, { index })
