/** Recipients that the database was asked about once: their ids, for commits that need not look them up. */
import type { Recipient } from '@claudemesh/protocol'
import { bytesIndex } from './bytes-index.ts'

/** What names sender and recipient of one envelope in the database, while the mesh's roster stands. */
export interface KnownPair {
  readonly head: number
  /** The roster's last seq: behind a removal it is another one. */
  readonly roster: number
  readonly from: number
  readonly to: number
  /** Both are known until then at least, ms since 1970. */
  readonly until: number
}

interface KnownMesh {
  readonly head: number
  readonly roster: number
  readonly who: Map<string, { readonly id: number; readonly until: number }>
}

/** Far more than send at once on one node; beyond it everybody is asked about anew. */
const MOST = 65_536

/** One for each lane. */
export class KnownRecipients {
  private readonly meshes = new Map<string, KnownMesh>()
  private size = 0

  /** What is known of both; `undefined` where the database has to look. */
  pair(mesh: Uint8Array, from: Recipient, to: Recipient): KnownPair | undefined {
    const known = this.meshes.get(bytesIndex(mesh))
    const sender = known?.who.get(keyOf(from))
    const target = known?.who.get(keyOf(to))
    if (known === undefined || sender === undefined || target === undefined) return undefined
    const { head, roster } = known
    return { head, roster, from: sender.id, to: target.id, until: Math.min(sender.until, target.until) }
  }

  /** Keeps what the database answered. Another roster than before: nothing else of this mesh is known any more. */
  learn(mesh: Uint8Array, from: Recipient, to: Recipient, pair: KnownPair): void {
    if (this.size >= MOST) this.forget()
    const key = bytesIndex(mesh)
    let known = this.meshes.get(key)
    if (known?.head !== pair.head || known.roster !== pair.roster) {
      this.size -= known?.who.size ?? 0
      known = { head: pair.head, roster: pair.roster, who: new Map() }
      this.meshes.set(key, known)
    }
    const { who } = known
    const before = who.size
    who.set(keyOf(from), { id: pair.from, until: pair.until })
    who.set(keyOf(to), { id: pair.to, until: pair.until })
    this.size += who.size - before
  }

  forget(): void {
    this.meshes.clear()
    this.size = 0
  }
}

const keyOf = ({ member, session }: Recipient): string =>
  session === null ? bytesIndex(member) : bytesIndex(member) + bytesIndex(session)
