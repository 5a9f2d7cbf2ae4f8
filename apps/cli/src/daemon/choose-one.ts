/** What somebody named must be exactly one thing: never a guess, always the candidates. */
import { MeshError } from '@claudemesh/protocol/errors'

const SHOWN = 20

/** The only one of `fits`. Throws `not-found` (candidates: `all`) or `ambiguous` (candidates: `fits`). */
export function chooseOne<T>(
  fits: readonly T[],
  all: readonly T[],
  label: (one: T) => string,
  say: { field: string; none: string; many: string },
): T {
  const [first] = fits
  if (first !== undefined && fits.length === 1) return first
  const candidates = [...new Set((fits.length === 0 ? all : fits).map(label))].slice(0, SHOWN)
  const [code, message] =
    fits.length === 0 ? (['not-found', say.none] as const) : (['ambiguous', say.many] as const)
  throw new MeshError(code, message, { field: say.field, facts: { candidates } })
}
