/** Roster entries of every kind: the signed, hash-chained list of who is in the mesh (SPEC section 3). */
import { z } from 'zod'
import { LIMITS, SIZES } from './limits.ts'
import { agreementBundle, bytes, hash, host, key, ms, role, seq, signature } from './schema.ts'

const sealedName = bytes(SIZES.sealedName)
const nextEpoch = z.strictObject({
  number: z
    .int()
    .min(2)
    .max(2 ** 31),
  /** Hash that only the right epoch key meets. */
  commitment: hash,
  /** Root over the copies sealed to every member left and every open invite. */
  root: hash,
  /** The key of the epoch before, sealed under this one. */
  previous: bytes(SIZES.sealedEpochKey),
})
export type NextEpoch = z.output<typeof nextEpoch>

const common = {
  mesh: key,
  seq: seq.min(1),
  prev: hash,
  at: ms,
  author: key,
}
const one = z.tuple([signature])
const entryOf = <K extends string, B extends z.ZodObject>(kind: K, body: B) =>
  z.strictObject({ ...common, kind: z.literal(kind), body, signatures: one })

const genesis = z.strictObject({
  mesh: z.null(),
  seq: z.literal(0),
  prev: z.null(),
  at: ms,
  author: key,
  kind: z.literal('genesis'),
  body: z.strictObject({
    random: bytes(32),
    bundle: agreementBundle,
    meshName: sealedName,
    name: sealedName,
    /** Commitment to the key of epoch 1. */
    commitment: hash,
  }),
  signatures: one,
})

export const rosterEntry = z.discriminatedUnion('kind', [
  genesis,
  entryOf(
    'broker',
    z.strictObject({
      hosts: z.array(host).min(1).max(16),
      /** Signs audit checkpoints and facts. */
      key,
      /** After a restore: the checkpoint that was, and the shorter one that stands now. */
      log: z.strictObject({ old: z.string().max(4096), now: z.string().max(4096) }).nullable(),
    }),
  ),
  entryOf(
    'invite',
    z.strictObject({
      code: bytes(SIZES.inviteCode),
      key,
      bundle: agreementBundle,
      role: role.exclude(['owner']),
      uses: z.int().min(1).max(1000),
      expiresAt: ms,
      /** The epoch key of the moment, sealed to `bundle`. */
      copy: bytes(SIZES.epochCopy),
    }),
  ),
  entryOf('invite-revoke', z.strictObject({ invite: hash })),
  z.strictObject({
    ...common,
    kind: z.literal('join'),
    body: z.strictObject({ invite: hash, bundle: agreementBundle, name: sealedName }),
    /** By the joining member key (domain `roster`), then by the invite key (domain `join`). */
    signatures: z.tuple([signature, signature]),
  }),
  entryOf('rename', z.strictObject({ name: sealedName })),
  entryOf('mesh-rename', z.strictObject({ name: sealedName })),
  /** Nothing is handed to any session while the newest of these says `held`. */
  entryOf('pause', z.strictObject({ delivery: z.enum(['held', 'open']) })),
  entryOf('role', z.strictObject({ member: key, role })),
  entryOf('rekey', z.strictObject({ epoch: nextEpoch })),
  entryOf(
    'remove',
    z.strictObject({
      member: key,
      /** Absent only when somebody removes themself: whoever leaves must not know the next key. */
      epoch: nextEpoch.nullable(),
    }),
  ),
])
export type RosterEntry = z.output<typeof rosterEntry>
/** An entry as it stands in a frame. */
export type RosterEntryJson = z.input<typeof rosterEntry>
export type RosterKind = RosterEntry['kind']
export type RosterEntryOf<K extends RosterKind> = Extract<RosterEntry, { kind: K }>

/** An epoch key sealed to one member or open invite; `to` is the member key or the invite key. */
export const epochCopy = z.strictObject({ to: key, copy: bytes(SIZES.epochCopy) })
export type EpochCopy = z.output<typeof epochCopy>
export const epochCopies = z.array(epochCopy).max(10_000)

export const MAX_NAME_BYTES = LIMITS.nameChars * 4
