/** Recipients that the database was asked about once: their ids and marks, for commits that need not look them up. */
import type { Recipient } from '@claudemesh/protocol'
import { bytesIndex } from './bytes-index.ts'
import type { AckItem } from './delivery-types.ts'

/** What names a mesh in the database, while its roster stands. */
interface KnownHead {
  readonly head: number
  /** The roster's last seq: behind a removal it is another one. */
  readonly roster: number
}

/** Sender and recipient of one envelope. */
export interface KnownPair extends KnownHead {
  readonly from: number
  readonly to: number
  /** Both are known until then at least, ms since 1970. */
  readonly until: number
}

/** An ack that moves on from `lo`, and whose it is. */
export interface KnownAck {
  readonly ack: AckItem
  readonly id: number
  readonly lo: number
}
/** Acks of one mesh, in their order. */
export interface KnownAcks extends KnownHead {
  readonly acks: readonly KnownAck[]
}

interface KnownRecipient {
  readonly id: number
  readonly until: number
  /** How far `attachment` has acked, or will have when all that is under way is committed. */
  mark: { readonly attachment: number; readonly acked: number } | undefined
}

interface KnownMesh extends KnownHead {
  readonly who: Map<string, KnownRecipient>
}

/** Until when somebody is known of whom only the mark was told. */
const NOT_ASKED = 0
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

  /** Keeps what the database answered. */
  learn(mesh: Uint8Array, from: Recipient, to: Recipient, pair: KnownPair): void {
    this.keep(mesh, pair, from, pair.from, pair.until)
    this.keep(mesh, pair, to, pair.to, pair.until)
  }

  /** What is known of those who ack, all in one mesh; `null` where the database has to look. */
  acks(acks: readonly AckItem[]): KnownAcks | null {
    const known = this.meshes.get(bytesIndex(acks[0]!.mesh))
    if (known === undefined) return null
    const found: KnownAck[] = []
    for (const ack of acks) {
      const who = known.who.get(keyOf(ack.recipient))
      if (who?.mark?.attachment !== ack.attachment || ack.upTo <= who.mark.acked) return null
      found.push({ ack, id: who.id, lo: who.mark.acked })
    }
    return { head: known.head, roster: known.roster, acks: found }
  }

  /** These acks are on their way. `foretold`: their marks are taken for granted; else nothing is until the answer tells. */
  acking(acks: readonly AckItem[], foretold: boolean): void {
    for (const { mesh, recipient, attachment, upTo } of acks) {
      const who = this.meshes.get(bytesIndex(mesh))?.who.get(keyOf(recipient))
      if (who !== undefined) who.mark = foretold ? { attachment, acked: upTo } : undefined
    }
  }

  /** Keeps what the database answered to an ack: whose it was, and the mark that stands. */
  learnMark({ mesh, recipient, attachment }: AckItem, head: KnownHead, id: number, acked: number): void {
    this.keep(mesh, head, recipient, id, NOT_ASKED).mark = { attachment, acked }
  }

  /** Nothing is known of this mesh, or of any. */
  forget(mesh?: Uint8Array): void {
    if (mesh === undefined) {
      this.meshes.clear()
      this.size = 0
      return
    }
    const key = bytesIndex(mesh)
    this.size -= this.meshes.get(key)?.who.size ?? 0
    this.meshes.delete(key)
  }

  /** Another roster than before: nothing else of this mesh is known any more. */
  private keep(
    mesh: Uint8Array,
    { head, roster }: KnownHead,
    recipient: Recipient,
    id: number,
    until: number,
  ): KnownRecipient {
    if (this.size >= MOST) this.forget()
    let known = this.meshes.get(bytesIndex(mesh))
    if (known?.head !== head || known.roster !== roster) {
      this.forget(mesh)
      known = { head, roster, who: new Map() }
      this.meshes.set(bytesIndex(mesh), known)
    }
    const key = keyOf(recipient)
    const before = known.who.get(key)
    const who = { id, until: Math.max(until, before?.until ?? 0), mark: before?.mark }
    if (before === undefined) this.size++
    known.who.set(key, who)
    return who
  }
}

const keyOf = ({ member, session }: Recipient): string =>
  session === null ? bytesIndex(member) : bytesIndex(member) + bytesIndex(session)
