/** Receipts: what became of messages, each signed by itself so that `trace` can show it to others. */
import { equalBytes, MeshError, type Receipt } from '@claudemesh/protocol'
import { recipientFields, voiceOf } from './recipient.ts'
import type { Field } from './signed-bytes.ts'
import { type Signer, sign, verify } from './signer.ts'
import { uuidBytes } from './uuid.ts'

type Unsigned = Omit<Receipt, 'signature'>

const fieldsOf = (r: Unsigned): Field[] => [
  r.mesh,
  ...recipientFields(r.from),
  ...recipientFields(r.to),
  r.state,
  r.why,
  r.items.map(({ id, msg }) => [uuidBytes(id), msg === null ? null : uuidBytes(msg)]),
  r.at,
]

/** Signs with the session key of `from`, or with the member key where it is the person. */
export const signReceipt = (unsigned: Unsigned, signer: Signer): Receipt => ({
  ...unsigned,
  signature: sign('receipt', fieldsOf(unsigned), signer.secretKey),
})

/** @throws MeshError `integrity` for a receipt of another mesh, `bad-signature` for one its maker did not sign. */
export function verifyReceipt(r: Receipt, opts: { mesh: Uint8Array }): void {
  if (!equalBytes(r.mesh, opts.mesh))
    throw new MeshError('integrity', 'receipt of another mesh', { field: 'mesh' })
  if (!verify('receipt', fieldsOf(r), r.signature, voiceOf(r.from))) {
    throw new MeshError('bad-signature', 'the receipt was not signed by its maker', { field: 'signature' })
  }
}
