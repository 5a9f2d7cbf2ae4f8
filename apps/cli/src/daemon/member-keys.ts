/** The keys of a member: as they stand in its file, and as the client uses them. */
import { generateSigner } from '@claudemesh/crypto'
import { generateAgreement } from '@claudemesh/crypto/sealing'
import type { MemberFile } from '../home/index.ts'

export type Keys = Pick<MemberFile, 'memberSeed' | 'agreement'>

export const newKeys = (): Keys => ({
  memberSeed: crypto.getRandomValues(new Uint8Array(32)),
  agreement: generateAgreement().secret,
})

export const cryptoKeys = ({ memberSeed, agreement }: Keys) => ({
  member: generateSigner(memberSeed),
  agreement: generateAgreement(agreement),
})
