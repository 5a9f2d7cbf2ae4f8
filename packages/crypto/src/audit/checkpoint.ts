/** Checkpoints of the audit log: signed notes of the form that c2sp.org/tlog-checkpoint draws, with the roster's head on a line of its own. */
import { MeshError, toBase64url } from '@claudemesh/protocol'
import type { Signer } from '../signer.ts'
import { fromBase64, openNote, signNote, toBase64 } from './note.ts'

export interface Checkpoint {
  /** 32 bytes. */
  readonly mesh: Uint8Array
  /** Leaves; at least 1. */
  readonly size: number
  /** MTH of the first `size` leaves, 32 bytes. */
  readonly root: Uint8Array
  /** The roster's head when the log had this size. */
  readonly rosterSeq: number
  readonly rosterHead: Uint8Array
}

/** Names the log, and the key that signs for it. Begins like no domain of `signedBytes`, so neither signature is one of the other. */
const auditOrigin = (mesh: Uint8Array): string => `claudemesh-audit/${toBase64url(mesh)}`

const textOf = (c: Checkpoint): string =>
  `${auditOrigin(c.mesh)}\n${c.size}\n${toBase64(c.root)}\nroster ${c.rosterSeq} ${toBase64(c.rosterHead)}\n`

/** The signed note, below 400 characters. */
export const signCheckpoint = (checkpoint: Checkpoint, brokerKey: Signer): string =>
  signNote(textOf(checkpoint), auditOrigin(checkpoint.mesh), brokerKey)

/**
 * What a note says, once its signature holds under one of `keys` (the broker keys of the roster).
 * @throws MeshError `bad-field` for a note of another form or log, `bad-signature`.
 */
export function openCheckpoint(
  note: string,
  { mesh, keys }: { readonly mesh: Uint8Array; readonly keys: readonly Uint8Array[] },
): Checkpoint {
  const text = openNote(note, auditOrigin(mesh), keys)
  const [, size = '', root = '', roster = ''] = text.split('\n')
  const [, seq = '', head = ''] = roster.split(' ')
  const read = {
    mesh,
    size: Number(size),
    root: fromBase64(root) ?? new Uint8Array(),
    rosterSeq: Number(seq),
    rosterHead: fromBase64(head) ?? new Uint8Array(),
  }
  const numbers = Number.isSafeInteger(read.size) && read.size > 0 && Number.isSafeInteger(read.rosterSeq)
  const sizes = read.root.length === 32 && read.rosterHead.length === 32
  // There is one spelling of every checkpoint.
  if (!numbers || !sizes || textOf(read) !== text)
    throw new MeshError('bad-field', 'not a checkpoint', { field: 'checkpoint' })
  return read
}
