/**
 * Texts at rest: each under the key of the hour it was written in. SQLite may leave copies of rows that it moved, and backups
 * hold older pages; once the key is erased none of them can be read.
 */
import { openAtRest, sealAtRest } from '@claudemesh/crypto/sealing'
import { MeshError } from '@claudemesh/protocol/errors'
import { and, asc, eq, sql } from 'drizzle-orm'
import { type Memory, memoryOf } from './memory.ts'
import type { MeshScope } from './mesh-scope.ts'
import { secret, textKey } from './schema.ts'
import { secretRows } from './secrets.ts'

export type TextKind = 'inbox' | 'outbox'
/** As the tables hold it: the key's hour beside the sealed text; both `null` once it was erased, the hour alone where it was found damaged. */
export interface SealedText {
  readonly sealed: Uint8Array | null
  readonly textKey: number | null
}
export const ERASED: SealedText = { sealed: null, textKey: null }
/** Stands in place of a text that could not be read when its key went. */
export const DAMAGED: SealedText = { sealed: new Uint8Array(), textKey: null }

const HOUR_MS = 3_600_000
const KEY_BYTES = 32
/** The hour of texts that stand as they are, from before they were sealed. */
export const UNSEALED = -1
export const hourOf = (at: number): number => Math.floor(at / HOUR_MS)
/** When the last text of this hour was written. */
export const endOf = (hour: number): number => (hour + 1) * HOUR_MS

export interface Texts {
  /** Under the key of this hour, which is made with its first text. `place` is the row it stands in. */
  seal(hour: number, place: string, text: string): SealedText
  /** Opens many; `''` for one that was erased, `null` for one that is damaged: it costs no other. */
  reader(): (text: SealedText, place: string) => string | null
  /** Hours that have a key, oldest first. */
  hours(): number[]
  /** Writes zeros over the key; the log still has it until the next checkpoint. */
  erase(hour: number): void
}

function openOrNull(p: Parameters<typeof openAtRest>[0]): string | null {
  try {
    return openAtRest(p)
  } catch (error) {
    if (error instanceof MeshError && error.code === 'integrity') return null
    throw error
  }
}

type Key = Uint8Array | undefined
/** By scope: a key that one erases is forgotten by all. */
const remembered = new WeakMap<MeshScope, Memory<Key>>()

export function textsOf(scope: MeshScope, kind: TextKind): Texts {
  const { orm, mesh } = scope
  const keys = remembered.get(scope) ?? memoryOf<Key>(scope)
  remembered.set(scope, keys)
  const secrets = secretRows({ orm })
  const ours = and(eq(textKey.mesh, mesh), eq(textKey.kind, kind))
  const find = orm
    .select({ bytes: secret.bytes })
    .from(textKey)
    .innerJoin(secret, eq(secret.row, textKey.secretRow))
    .where(and(ours, eq(textKey.hour, sql.placeholder('hour'))))
    .prepare()
  const allHours = orm
    .select({ hour: textKey.hour })
    .from(textKey)
    .where(ours)
    .orderBy(asc(textKey.hour))
    .prepare()
  const nameOf = (hour: number): string => `${kind}/${hour}`
  const keyOf = (hour: number): Key =>
    keys.get(nameOf(hour), () => find.get({ hour })?.bytes.slice(0, KEY_BYTES))
  const make = (hour: number): Uint8Array => {
    const bytes = crypto.getRandomValues(new Uint8Array(64))
    orm
      .insert(textKey)
      .values({ mesh, kind, hour, secretRow: secrets.put(bytes) })
      .run()
    const key = bytes.slice(0, KEY_BYTES)
    keys.set(nameOf(hour), key)
    return key
  }
  return {
    seal: (hour, place, text) => ({
      sealed: sealAtRest({ key: keyOf(hour) ?? make(hour), place, text }),
      textKey: hour,
    }),
    reader:
      () =>
      ({ sealed, textKey: hour }, place) => {
        if (sealed === null) return ''
        if (hour === null) return null
        if (hour === UNSEALED) return new TextDecoder().decode(sealed)
        const key = keyOf(hour)
        return key ? openOrNull({ key, place, sealed }) : null
      },
    hours: () => allHours.all().map(row => row.hour),
    erase: hour => {
      const one = and(ours, eq(textKey.hour, hour))
      const held = orm.select({ row: textKey.secretRow }).from(textKey).where(one).get()
      keys.forget(nameOf(hour))
      if (!held) return
      secrets.erase(held.row)
      orm.delete(textKey).where(one).run()
    },
  }
}
