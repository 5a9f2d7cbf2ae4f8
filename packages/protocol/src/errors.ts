/**
 * One table of everything that can go wrong, for both ends of the wire, HTTP and the command line.
 * A code keeps its number for ever; new codes are added at the end.
 */

interface ErrorRow {
  /** Number on the binary data path (`accepted` results), 1 to 255. */
  readonly wire: number
  readonly http: number
  /** Exit code of the command line (design: 1 failed, 2 usage, 3 cannot reach, 4 refused, 5 not found, 6 conflict, 7 integrity, 9 no claude). */
  readonly exit: number
}

export const ERRORS = {
  internal: { wire: 1, http: 500, exit: 1 },
  'bad-frame': { wire: 2, http: 400, exit: 2 },
  'bad-field': { wire: 3, http: 400, exit: 2 },
  unsupported: { wire: 4, http: 501, exit: 1 },
  'too-large': { wire: 5, http: 413, exit: 4 },
  rate: { wire: 6, http: 429, exit: 4 },
  unauthenticated: { wire: 7, http: 401, exit: 4 },
  forbidden: { wire: 8, http: 403, exit: 4 },
  removed: { wire: 9, http: 403, exit: 4 },
  'not-found': { wire: 10, http: 404, exit: 5 },
  'unknown-mesh': { wire: 11, http: 404, exit: 5 },
  'unknown-recipient': { wire: 12, http: 404, exit: 5 },
  ambiguous: { wire: 13, http: 409, exit: 5 },
  conflict: { wire: 14, http: 409, exit: 6 },
  'id-time': { wire: 15, http: 400, exit: 1 },
  expired: { wire: 16, http: 410, exit: 4 },
  'not-attached': { wire: 17, http: 409, exit: 6 },
  replaced: { wire: 18, http: 409, exit: 6 },
  'bad-ack': { wire: 19, http: 400, exit: 1 },
  'stale-head': { wire: 20, http: 409, exit: 6 },
  clock: { wire: 21, http: 400, exit: 1 },
  integrity: { wire: 22, http: 409, exit: 7 },
  unreachable: { wire: 23, http: 503, exit: 3 },
  unavailable: { wire: 24, http: 503, exit: 3 },
  draining: { wire: 25, http: 503, exit: 3 },
  timeout: { wire: 26, http: 504, exit: 1 },
  usage: { wire: 27, http: 400, exit: 2 },
  'no-claude': { wire: 28, http: 500, exit: 9 },
  'already-running': { wire: 29, http: 409, exit: 6 },
  'bad-signature': { wire: 30, http: 403, exit: 7 },
  counter: { wire: 31, http: 409, exit: 6 },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS
export const ERROR_CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]

const byWire = new Map<number, ErrorCode>(ERROR_CODES.map(code => [ERRORS[code].wire, code]))

/** The code behind a number of the data path, or `undefined` for a number this version does not know. */
export const errorCodeOfWire = (wire: number): ErrorCode | undefined => byWire.get(wire)

export interface ErrorDetail {
  /** The field of the input that is at fault, as a dotted path. */
  field?: string | undefined
  /** When a retry makes sense, ms from now. */
  retryAfterMs?: number | undefined
  cause?: unknown
  /** Public facts that help the other end go on: the broker's time, the current head, candidates. */
  facts?: Record<string, unknown> | undefined
}

/** The only error that crosses a module's door on purpose. Its message is fit to be shown: no secret, path or SQL. */
export class MeshError extends Error {
  readonly code: ErrorCode
  readonly field: string | undefined
  readonly retryAfterMs: number | undefined
  readonly facts: Record<string, unknown> | undefined

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.name = 'MeshError'
    this.code = code
    this.field = detail.field
    this.retryAfterMs = detail.retryAfterMs
    this.facts = detail.facts
  }
}

/** Close codes of /ws: one table for both ends. 4000 to 4999 are ours (RFC 6455 section 7.4.2). */
export const CLOSE = {
  goingAway: { code: 1001, reason: 'broker is draining' },
  protocol: { code: 4000, reason: 'frame refused' },
  handshakeTimeout: { code: 4001, reason: 'no hello in time' },
  unauthenticated: { code: 4002, reason: 'hello refused' },
  removed: { code: 4003, reason: 'removed from the mesh' },
  idle: { code: 4004, reason: 'silent for too long' },
  replaced: { code: 4005, reason: 'another connection took every attachment' },
  rate: { code: 4006, reason: 'too many frames before hello' },
  unsupported: { code: 4007, reason: 'subprotocol claudemesh.v1 required' },
} as const
export type CloseReason = keyof typeof CLOSE
