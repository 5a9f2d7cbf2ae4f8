/** What is said of a roster that nobody has confirmed for long: who is shown may be gone, who is not shown may be there. */
import { harmlessLine } from './harmless.ts'
import { clock } from './times.ts'

/** `since`: ms since 1970. */
export const unconfirmed = (mesh: string, since: number): string =>
  `The roster of ${harmlessLine(mesh)} is unconfirmed since ${clock(since)}: no other member was heard of since then.`
