/** What a session is doing, from everything that is known of it: one pure function, wherever a status is computed. */
import type { PresenceStatus, StatusSource } from './schema.ts'

/** One source's word, ms since 1970. */
export interface Said {
  readonly status: PresenceStatus
  readonly at: number
}

export interface StatusEvidence {
  /** What a person set by hand. */
  readonly manual?: Said | undefined
  /** What Claude's own sessions file says; `seenAt`: when it was read. */
  readonly sessionsFile?: (Said & { readonly seenAt: number }) | undefined
  /** The last hook that says anything of it. */
  readonly hook?: Said | undefined
  /** The last record of the transcript that says anything of it. */
  readonly transcript?: Said | undefined
  /** When something last showed the turn running: the transcript grew, a tool's process lives. */
  readonly runningAt?: number | undefined
}

export interface StatusLimits {
  /** A sessions file counts as read now for so long, ms. */
  readonly fileFreshMs: number
  /** A hook goes before what is older for so long, ms. */
  readonly hookFreshMs: number
  /** `working` that nothing confirms any more becomes `idle` after so long, ms. */
  readonly workingTtlMs: number
}

export interface InferredStatus extends Said {
  readonly source: StatusSource
}

export const STATUS_LIMITS: StatusLimits = { fileFreshMs: 2000, hookFreshMs: 30_000, workingTtlMs: 60_000 }

/**
 * `dnd` by hand beats all. Then the newest word of the fresh sources (of the stale ones where none is fresh) and of a person.
 * `working` that was not confirmed for `workingTtlMs` is `idle` since then, unless a person set it. Nothing known is
 * `unknown`, at 0.
 */
export function inferStatus(
  evidence: StatusEvidence,
  now: number,
  limits: StatusLimits = STATUS_LIMITS,
): InferredStatus {
  const { manual, sessionsFile, hook, transcript, runningAt } = evidence
  if (manual?.status === 'dnd') return { ...manual, source: 'manual' }
  const fileIsFresh = sessionsFile !== undefined && now - sessionsFile.seenAt <= limits.fileFreshMs
  const fresh = [
    ...told('sessions-file', fileIsFresh ? sessionsFile : undefined),
    ...told('hook', hook && now - hook.at <= limits.hookFreshMs ? hook : undefined),
    ...told('transcript', transcript),
  ]
  const stale = [...told('sessions-file', sessionsFile), ...told('hook', hook)]
  const best = newest([...(fresh.length > 0 ? fresh : stale), ...told('manual', manual)])
  if (best === undefined) return { status: 'unknown', at: 0, source: 'daemon' }
  if (best.status !== 'working' || best.source === 'manual') return best
  const seen = fileIsFresh && sessionsFile.status === 'working' ? sessionsFile.seenAt : 0
  const until = Math.max(best.at, seen, runningAt ?? 0) + limits.workingTtlMs
  return now > until ? { status: 'idle', at: until, source: best.source } : best
}

const told = (source: StatusSource, said: Said | undefined): InferredStatus[] =>
  said === undefined ? [] : [{ status: said.status, at: said.at, source }]

/** Of two at the same time the one named first. */
const newest = (all: readonly InferredStatus[]): InferredStatus | undefined =>
  all.reduce<InferredStatus | undefined>(
    (best, one) => (best === undefined || one.at > best.at ? one : best),
    undefined,
  )
