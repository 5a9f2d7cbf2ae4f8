/** An audit log in memory, and a broker that proves it, or lies about it as the test says. */
import {
  type Checkpoint,
  proveConsistency,
  proveInclusion,
  type ReadTile,
  type Signer,
  signCheckpoint,
  storedLeafHash,
  TILE_LEVELS,
  TreeFrontier,
} from '@claudemesh/crypto'
import { type AuditLeaf, type BrokerFrame, type ClientFrame, MeshError } from '@claudemesh/protocol'
import type { Link } from '../src/connection/link.ts'
import type { Side } from './offline.ts'

export class TestLog {
  readonly leaves: AuditLeaf[] = []
  readonly #roots: Uint8Array[]
  readonly #levels = new Map<number, Uint8Array[]>()
  readonly #tree = new TreeFrontier()

  constructor(before: readonly AuditLeaf[] = []) {
    this.#roots = [this.#tree.root()]
    for (const leaf of before) this.#push(leaf)
  }

  /** Another log with the same first `size` leaves. */
  fork(size = this.leaves.length): TestLog {
    return new TestLog(this.leaves.slice(0, size))
  }

  /** Appends leaves that say nothing of importance. */
  grow(count: number): this {
    for (let i = 0; i < count; i++) this.append('limited', crypto.getRandomValues(new Uint8Array(8)), 0)
    return this
  }

  append(type: string, fields: Uint8Array, at: number): number {
    const index = this.leaves.length
    const salt = crypto.getRandomValues(new Uint8Array(16))
    const body = { at, salt, type, fields }
    this.#push({ hash: storedLeafHash({ ...body, index }), body, pruned: false })
    return index
  }

  head(side: Side, size = this.leaves.length): Checkpoint {
    const { mesh, seq, head } = side.core.keeper.roster
    return { mesh, size, root: this.#roots[size]!, rosterSeq: seq, rosterHead: head }
  }
  note(side: Side, key: Signer, size?: number): string {
    return signCheckpoint(this.head(side, size), key)
  }

  /** A connection to a broker that shows this log, or answers as `lie` says. */
  link(checkpoint: string | null, lie?: (frame: ClientFrame) => BrokerFrame | undefined): Link {
    const request = async (frame: ClientFrame): Promise<BrokerFrame> => lie?.(frame) ?? this.#answer(frame)
    return { welcome: { checkpoint }, request } as unknown as Link
  }

  async #answer(frame: ClientFrame): Promise<BrokerFrame> {
    if (frame.type !== 'audit.proof' || frame.size > this.leaves.length)
      throw new MeshError('bad-field', 'No checkpoint covers so many leaves.', { field: 'size' })
    const { index, from, size } = frame
    const leaf = index === undefined ? null : this.leaves[index]!
    const hashes =
      index === undefined
        ? await proveConsistency(this.#read, from!, size)
        : await proveInclusion(this.#read, index, size)
    return { type: 'proof', hashes, size, leaf }
  }

  #read: ReadTile = async (level, index) =>
    (level === 0 ? this.leaves.map(leaf => leaf.hash) : (this.#levels.get(level) ?? [])).slice(
      index * 256,
      index * 256 + 256,
    )

  #push(leaf: AuditLeaf): void {
    this.leaves.push(leaf)
    this.#tree.push(leaf.hash, (level, _index, hash) => {
      if (level % TILE_LEVELS === 0) this.#levels.set(level, [...(this.#levels.get(level) ?? []), hash])
    })
    this.#roots.push(this.#tree.root())
  }
}
