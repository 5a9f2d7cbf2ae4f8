/** Facts: the broker's signed word that one sealing ended for one recipient. */
import { type Fact, MeshError } from '@claudemesh/protocol'
import { recipientFields } from './recipient.ts'
import type { Field } from './signed-bytes.ts'
import { type Signer, sign, verify } from './signer.ts'

type Unsigned = Omit<Fact, 'signature'>

const fieldsOf = (f: Unsigned): Field[] => [
  f.mesh,
  f.kind,
  f.why,
  f.id,
  ...recipientFields(f.from),
  ...recipientFields(f.to),
  f.at,
]

/** Signs a fact with the key that the roster's newest `broker` entry names. */
export const signFact = (unsigned: Unsigned, brokerKey: Signer): Fact => ({
  ...unsigned,
  signature: sign('fact', fieldsOf(unsigned), brokerKey.secretKey),
})

/** @throws MeshError `bad-signature` for a fact that this broker key did not sign. */
export function verifyFact(f: Fact, brokerPublicKey: Uint8Array): void {
  if (!verify('fact', fieldsOf(f), f.signature, brokerPublicKey)) {
    throw new MeshError('bad-signature', 'the fact was not signed by the broker', { field: 'signature' })
  }
}
