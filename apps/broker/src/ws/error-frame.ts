/** Any failure as the `error` frame its peer may see: a `MeshError` as it is, all else as `internal` without a detail. */
import { encodeBrokerFrame, MeshError } from '@claudemesh/protocol'

/** The failure as a `MeshError`. What is not one is hidden: its message may quote rows. */
export const asMeshError = (cause: unknown): MeshError =>
  cause instanceof MeshError
    ? cause
    : new MeshError('internal', 'The broker failed; its log says why.', { cause })

/** An `error` frame in answer to `ref`. */
export function errorFrame(error: MeshError, ref: number | undefined): string {
  const { code, message, field, retryAfterMs, facts } = error
  return encodeBrokerFrame({
    type: 'error',
    ref,
    code,
    message: message.slice(0, 1000),
    field: field?.slice(0, 256),
    retryAfterMs: retryAfterMs === undefined ? undefined : Math.max(0, Math.ceil(retryAfterMs)),
    facts,
  })
}
