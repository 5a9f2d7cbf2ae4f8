/** What was refused becomes one leaf for each address, reason and minute, with a count; no address is kept, only that it was the same. */
import type { LeafType } from '@claudemesh/crypto'
import { bytesIndex } from '../delivery/recipient-index.ts'

/** Addresses told apart in a mesh's minute; what more of them do is counted without one. */
const ADDRESSES = 64
/** Rows of a minute in all; beyond that a refusal is counted by the metrics alone. */
const ROWS = 4096
const TAG_BYTES = 16

export interface Refusal {
  readonly mesh: Uint8Array
  readonly type: Extract<LeafType, 'auth-refused' | 'invite-refused' | 'limited'>
  readonly address: string
  /** A code of MeshError, or the bucket that was empty. */
  readonly why: string
  /** Hash of the invite entry, where the refusal is of an invite. */
  readonly invite?: Uint8Array | null
}

interface Row extends Omit<Refusal, 'address'> {
  readonly address: Uint8Array | null
  count: number
}

export class Refusals {
  readonly #secret: Uint8Array
  #rows = new Map<string, Row>()

  /** `seed`: the broker key's; tags of addresses are made with a secret of it. */
  constructor(seed: Uint8Array) {
    this.#secret = hmac(seed, 'claudemesh audit address')
  }

  note({ address, ...refusal }: Refusal): void {
    const mesh = bytesIndex(refusal.mesh)
    const kind = `${mesh}/${refusal.type}/${refusal.why}/${refusal.invite ? bytesIndex(refusal.invite) : ''}`
    const own = `${kind}/${address}`
    const known = this.#rows.get(own)
    const name = known || this.#addressesOf(kind) < ADDRESSES ? own : `${kind}/`
    const row = this.#rows.get(name)
    if (row) row.count++
    else if (this.#rows.size < ROWS) {
      const tag = name === own ? hmac(this.#secret, refusal.mesh, address).subarray(0, TAG_BYTES) : null
      this.#rows.set(name, { ...refusal, address: tag, count: 1 })
    }
  }

  /** What was counted since the last call. */
  take(): Row[] {
    const rows = [...this.#rows.values()]
    this.#rows = new Map()
    return rows
  }

  #addressesOf(kind: string): number {
    let count = 0
    for (const name of this.#rows.keys()) if (name.startsWith(`${kind}/`)) count++
    return count
  }
}

function hmac(key: Uint8Array, ...parts: (Uint8Array | string)[]): Uint8Array {
  const hasher = new Bun.CryptoHasher('sha256', key)
  for (const part of parts) hasher.update(part)
  return new Uint8Array(hasher.digest())
}
