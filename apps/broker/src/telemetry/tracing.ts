/** Spans of what the broker does: times, counts and outcomes, never content, names or keys. */
import type { Log } from './log.ts'

type SpanFacts = Readonly<Record<string, string | number | boolean>>

/** A piece of work with a beginning and an end. */
export interface Span {
  /** Names another piece of work, of another trace, that did this one's. */
  link(to: Span): void
  /** Once: a later call does nothing. `error`: the stable code of what went wrong. */
  end(facts?: SpanFacts, error?: string): void
}

export interface Tracing {
  /** Begins a span: the root of a trace, unless it has a parent. */
  start(name: string, facts?: SpanFacts, parent?: Span): Span
  /** Runs `work` so that what it logs bears the ids of the span. */
  within<T>(span: Span, work: () => T): T
  /** `trace_id` and `span_id` (hex) of the span within which this is called; empty outside of one. */
  ids(): Readonly<Record<string, string>>
  /** Has the log told once when spans cannot be handed to the collector, and once when they can again. */
  tellTo(log: Log): void
  /** Hands out what waits, for a second at most; whatever the collector does, it resolves. */
  close(): Promise<void>
}

/** `work` within a span, where there is one. */
export const within = <T>(tracing: Tracing | undefined, span: Span | undefined, work: () => T): T =>
  tracing === undefined || span === undefined ? work() : tracing.within(span, work)
