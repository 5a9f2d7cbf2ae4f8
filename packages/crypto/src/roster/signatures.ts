/** The signatures of roster entries: judged at once, judged before, or on other threads while the chain is read on. */
import type { Field } from '../signed-bytes.ts'
import { verify, verifyAside } from '../signer.ts'
import { broken } from './state.ts'

/** One signature that an entry stands on. */
interface SignatureClaim {
  readonly domain: 'roster' | 'join'
  readonly fields: readonly Field[]
  /** 64 bytes, where the entry has any there. */
  readonly signature: Uint8Array | undefined
  readonly key: Uint8Array
  /** What is broken where it does not hold. */
  readonly otherwise: string
}
/** Throws `integrity` with the rule `signature`, or has judged before, or will. */
export type Judge = (claim: SignatureClaim) => void

const wrong = (otherwise: string) => broken('signature', otherwise, 'signatures')

export const judgeAtOnce: Judge = ({ domain, fields, signature, key, otherwise }) => {
  if (!signature || !verify(domain, fields, signature, key)) throw wrong(otherwise)
}

/** For a chain whose every signature was verified when it was stored. */
export const judgedBefore: Judge = () => {}

/** Verdicts that come later, in the order of their claims. What was judged by it counts for nothing before `settled`. */
export class JudgedAside {
  readonly #verdicts: { readonly holds: Promise<boolean>; readonly otherwise: string }[] = []

  readonly judge: Judge = ({ domain, fields, signature, key, otherwise }) => {
    if (!signature) throw wrong(otherwise)
    this.#verdicts.push({ holds: verifyAside(domain, fields, signature, key), otherwise })
  }

  /** Throws for the first claim that does not hold, as `judgeAtOnce` would have. */
  async settled(): Promise<void> {
    for (const { holds, otherwise } of this.#verdicts.splice(0)) if (!(await holds)) throw wrong(otherwise)
  }
}
