/**
 * Secrets that can be erased. SQLite moves cells when pages fill, split and empty, and may leave a copy behind even with
 * `secure_delete`. A row here has one size for ever and is never deleted, so it is written over in place, and used again.
 */
import { MeshError } from '@claudemesh/protocol/errors'
import { eq, sql } from 'drizzle-orm'
import type { MeshScope } from './mesh-scope.ts'
import { secret } from './schema.ts'

const BYTES = 64

export interface SecretRows {
  /** Answers the row. Throws `internal` for another size than 64 bytes. */
  put(bytes: Uint8Array): number
  get(row: number): Uint8Array
  /** Writes zeros over it; the log still has it until the next checkpoint. */
  erase(row: number): void
}

export function secretRows({ orm }: Pick<MeshScope, 'orm'>): SecretRows {
  const one = eq(secret.row, sql.placeholder('row'))
  const get = orm.select({ bytes: secret.bytes }).from(secret).where(one).prepare()
  const free = orm.select({ row: secret.row }).from(secret).where(eq(secret.free, true)).limit(1).prepare()
  const write = (row: number, bytes: Uint8Array, isFree: boolean) =>
    void orm.update(secret).set({ bytes, free: isFree }).where(eq(secret.row, row)).run()
  return {
    put: bytes => {
      if (bytes.length !== BYTES) throw new MeshError('internal', `a stored secret has ${BYTES} bytes`)
      const row = free.get()?.row
      if (row === undefined)
        return orm.insert(secret).values({ free: false, bytes }).returning({ row: secret.row }).get().row
      write(row, bytes, false)
      return row
    },
    get: row => get.get({ row })!.bytes,
    erase: row => write(row, new Uint8Array(BYTES), true),
  }
}
