/** Safety numbers: what two people read to each other to know that nobody stands between their keys. */
import { compareBytes } from '@claudemesh/protocol'
import { entropyToMnemonic } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { hash } from '../signed-bytes.ts'

/** The same number in two writings; either is enough. */
export interface SafetyNumber {
  /** 12 groups of 5 digits: 199 bits. */
  readonly digits: readonly string[]
  /** 15 words of the BIP39 list: 160 bits and a checksum of 5. */
  readonly words: readonly string[]
}

const GROUPS = 12
const GROUP = 5
const WORD_BYTES = 20

/** Of two member keys (32 bytes each) in one mesh (its id); the same whichever end asks. */
export function safetyNumber(p: {
  readonly mesh: Uint8Array
  readonly mine: Uint8Array
  readonly theirs: Uint8Array
}): SafetyNumber {
  const [low, high] = [p.mine, p.theirs].toSorted(compareBytes)
  const digest = hash('safety', [p.mesh, low!, high!])
  return {
    digits: digitsOf(digest),
    words: entropyToMnemonic(digest.slice(0, WORD_BYTES), wordlist).split(' '),
  }
}

/** The hash as one big-endian number, its last 60 decimal digits. */
function digitsOf(digest: Uint8Array): string[] {
  let number = 0n
  for (const byte of digest) number = (number << 8n) | BigInt(byte)
  const text = (number % 10n ** BigInt(GROUPS * GROUP)).toString().padStart(GROUPS * GROUP, '0')
  return Array.from({ length: GROUPS }, (_, i) => text.slice(i * GROUP, (i + 1) * GROUP))
}
