/** Verifies an audit log leaf by leaf, in constant memory: every hash, every place, every signed head; the first fault ends it by name. */
import { equalBytes, MeshError } from '@claudemesh/protocol'
import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import { type ShownLeaf, storedLeafHash } from './leaf.ts'
import { HASH_BYTES, hashesOf, type LeafRun, runLength } from './run.ts'
import { type Sha256, TreeFrontier } from './tree.ts'

/** What a sound log holds. */
export interface LogReport {
  readonly leaves: number
  /** Leaves that the newest checkpoint covers. */
  readonly signed: number
  readonly checkpoints: number
  /** Leaves of which retention left the hash. */
  readonly pruned: number
  /** Leaves whose body was not shown. */
  readonly hidden: number
}

export type LogFault =
  | 'edited'
  | 'missing'
  | 'twice'
  | 'body-missing'
  | 'time'
  | 'changed'
  | 'cut'
  | 'forged'
  | 'unsigned'

export class LogVerifier {
  readonly #mesh: Uint8Array
  readonly #keys: readonly Uint8Array[]
  readonly #tree: TreeFrontier
  readonly #sha256: Sha256 | undefined
  /** Heads known beforehand, smallest first, that the log has not reached yet. */
  readonly #ahead: Checkpoint[]
  #signed = 0
  #checkpoints = 0
  #pruned = 0
  #hidden = 0
  #lastAt = 0
  #standing = false

  /**
   * `keys`: broker keys of the verified roster. `known`: signed heads that the reader holds from elsewhere, such as its pin.
   * Throws `integrity` for one of these that no key signed.
   */
  constructor(o: {
    readonly mesh: Uint8Array
    readonly keys: readonly Uint8Array[]
    readonly known?: readonly string[]
    readonly sha256?: Sha256
  }) {
    this.#mesh = o.mesh
    this.#keys = o.keys
    this.#sha256 = o.sha256
    this.#tree = new TreeFrontier(o.sha256)
    this.#ahead = (o.known ?? []).map(note => this.#open(note)).sort((a, b) => a.size - b.size)
  }

  /** The next leaf. Throws `integrity` with `facts.firstBad`. */
  leaf({ index, hash, body, pruned }: ShownLeaf): void {
    this.#follows(index)
    if (body) {
      if (!isTime(body.at) || !equalBytes(storedLeafHash({ ...body, index }, this.#sha256), hash))
        throw edited(index)
      this.#stands(index, body.at)
    } else if (pruned) {
      if (this.#standing)
        throw bad(
          'body-missing',
          index,
          `leaf ${index} has no body while older ones stand: retention drops the oldest first`,
        )
      this.#pruned++
    } else this.#hidden++
    this.#push(hash)
  }

  /** The leaves of a run as they lie, at a third of what they cost one by one. Throws as `leaf` does. */
  run(run: LeafRun): void {
    this.#follows(run.index)
    if (runLength(run) === undefined || !isTime(run.at)) throw edited(run.index)
    let index = run.index
    for (const hash of hashesOf(run, this.#sha256)) {
      const at = (index - run.index) * HASH_BYTES
      for (let i = 0; i < HASH_BYTES; i++) if (hash[i] !== run.hashes[at + i]) throw edited(index)
      this.#stands(index, run.at)
      this.#push(hash)
      index++
    }
  }

  #follows(index: number): void {
    const place = this.#tree.size
    if (index > place) throw bad('missing', place, `leaf ${place} is missing`)
    if (index < place) throw bad('twice', index, `leaf ${index} stands twice`)
  }

  #stands(index: number, at: number): void {
    if (at < this.#lastAt) throw bad('time', index, `leaf ${index} is older than the one before it`)
    this.#lastAt = at
    this.#standing = true
  }

  #push(hash: Uint8Array): void {
    this.#tree.push(hash)
    for (let next = this.#ahead[0]; next?.size === this.#tree.size; next = this.#ahead[0]) {
      this.#ahead.shift()
      this.#meet(next)
    }
  }

  /** A signed head, behind the last leaf that it covers. */
  checkpoint(note: string): void {
    const head = this.#open(note)
    if (head.size > this.#tree.size) throw this.#cut(head.size)
    if (head.size < this.#tree.size)
      throw bad(
        'changed',
        head.size,
        `the checkpoint of ${head.size} leaves stands behind leaf ${this.#tree.size - 1}`,
      )
    this.#meet(head)
  }

  /** No leaf follows. Throws `integrity` for a cut tail, or for a log that nobody signed. */
  end(): LogReport {
    const missing = this.#ahead.at(-1)
    if (missing) throw this.#cut(missing.size)
    if (this.#checkpoints === 0)
      throw bad('unsigned', 0, 'no checkpoint vouches for this log: it proves nothing')
    return {
      leaves: this.#tree.size,
      signed: this.#signed,
      checkpoints: this.#checkpoints,
      pruned: this.#pruned,
      hidden: this.#hidden,
    }
  }

  #meet(head: Checkpoint): void {
    if (!equalBytes(head.root, this.#tree.root())) {
      const [first, last] = [this.#signed, head.size - 1]
      const where = first === last ? `leaf ${first}` : `one of the leaves ${first} to ${last}`
      throw bad(
        'changed',
        first,
        `${where} was changed, put in, taken out or moved: the broker signed another tree of ${head.size} leaves`,
        {
          lastBad: last,
        },
      )
    }
    this.#signed = head.size
    this.#checkpoints++
  }

  #open(note: string): Checkpoint {
    try {
      return openCheckpoint(note, { mesh: this.#mesh, keys: this.#keys })
    } catch (cause) {
      throw bad('forged', this.#tree.size, 'a checkpoint was signed by no broker key of the roster', {
        cause: String(cause),
      })
    }
  }

  #cut(size: number): MeshError {
    const left = this.#tree.size
    return bad(
      'cut',
      left,
      `the tail is cut off: ${left} leaves are left of ${size} that the broker signed; leaf ${left} is the first that is missing`,
    )
  }
}

/** What has no encoding has no hash. */
const isTime = (at: number): boolean => Number.isSafeInteger(at) && at >= 0

const edited = (index: number) =>
  bad('edited', index, `leaf ${index} is not what its hash says: it was edited`)

const bad = (fault: LogFault, firstBad: number, message: string, more: object = {}): MeshError =>
  new MeshError('integrity', `audit: ${message}`, { facts: { fault, firstBad, ...more } })
