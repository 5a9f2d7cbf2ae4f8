/** Arrays as Postgres writes them in text, for parameters whose type a statement says. */

/** Numbers as Postgres's text form of an array. */
export const numberArray = (numbers: readonly (number | string)[]): string => `{${numbers.join()}}`

/** Byte strings as Postgres's text form of bytea[]. */
export const byteaArray = (list: readonly Uint8Array[]) =>
  `{${list.map(bytes => `"\\\\x${Buffer.from(bytes).toString('hex')}"`).join(',')}}`
