/** Spans by OpenTelemetry, handed to a collector over OTLP/http in JSON: queued up to a bound, dropped beyond it, never waited for. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Span as OpenSpan, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Settings } from '../settings.ts'
import type { Log } from './log.ts'
import type { Span, Tracing } from './tracing.ts'

const SCOPE = 'claudemesh-broker'
const CLOSE_MS = 1000
/** No fact is longer: what a client wrote into a request may stand in one. */
const VALUE_CHARS = 64

/** Tracing to the collector that the environment names; its address, headers and time are read there by the exporter. */
export function exportSpans(settings: Settings): Tracing {
  const exporter = new NotingExporter(new OTLPTraceExporter())
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.instance.id': settings.NODE_NAME }))
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(resourceFromAttributes({ 'service.name': settings.OTEL_SERVICE_NAME }))
  const provider = new TracerProvider({
    resource,
    sampler: samplerOf(settings),
    spanLimits: { attributeValueLengthLimit: VALUE_CHARS },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        scheduledDelayMillis: settings.OTEL_BSP_SCHEDULE_DELAY,
        maxQueueSize: settings.OTEL_BSP_MAX_QUEUE_SIZE,
      }),
    ],
  })
  const tracer = provider.getTracer(SCOPE)
  const here = new AsyncLocalStorage<OpenSpan>()
  return {
    start(name, facts, parent) {
      const context = parent instanceof Traced ? trace.setSpan(ROOT_CONTEXT, parent.span) : ROOT_CONTEXT
      return new Traced(tracer.startSpan(name, facts === undefined ? {} : { attributes: facts }, context))
    },
    within: (span, work) => (span instanceof Traced ? here.run(span.span, work) : work()),
    ids() {
      const at = here.getStore()?.spanContext()
      return at === undefined ? {} : { trace_id: at.traceId, span_id: at.spanId }
    },
    tellTo: log => exporter.tellTo(log),
    async close() {
      const late = Promise.withResolvers<void>()
      const timer = setTimeout(late.resolve, CLOSE_MS)
      await Promise.race([provider.shutdown().catch(() => {}), late.promise])
      clearTimeout(timer)
    },
  }
}

class Traced implements Span {
  readonly span: OpenSpan

  constructor(span: OpenSpan) {
    this.span = span
  }

  link(to: Span): void {
    if (to instanceof Traced) this.span.addLink({ context: to.span.spanContext() })
  }

  end(facts?: Readonly<Record<string, string | number | boolean>>, error?: string): void {
    if (!this.span.isRecording()) return
    if (facts !== undefined) this.span.setAttributes(facts)
    if (error !== undefined) {
      this.span.setAttribute('error.type', error)
      this.span.setStatus({ code: SpanStatusCode.ERROR })
    }
    this.span.end()
  }
}

function samplerOf({ OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG }: Settings): Sampler {
  const [kind, parentBased] = OTEL_TRACES_SAMPLER.startsWith('parentbased_')
    ? [OTEL_TRACES_SAMPLER.slice('parentbased_'.length), true]
    : [OTEL_TRACES_SAMPLER, false]
  const root =
    kind === 'always_off'
      ? new AlwaysOffSampler()
      : kind === 'traceidratio'
        ? new TraceIdRatioBasedSampler(OTEL_TRACES_SAMPLER_ARG)
        : new AlwaysOnSampler()
  return parentBased ? new ParentBasedSampler({ root }) : root
}

type Done = Parameters<SpanExporter['export']>[1]

/** Notes when the collector stops taking spans and when it takes them again: one line each, however many spans are lost. */
class NotingExporter implements SpanExporter {
  private readonly to: SpanExporter
  private log: Log | undefined
  private failing = false

  constructor(to: SpanExporter) {
    this.to = to
  }

  tellTo(log: Log): void {
    this.log = log
  }

  export(spans: Parameters<SpanExporter['export']>[0], done: Done): void {
    this.to.export(spans, result => {
      this.note(result.error)
      done(result)
    })
  }

  shutdown(): Promise<void> {
    return this.to.shutdown()
  }

  /** Answers of a collector are another program's text: of an error only its name and code are told. */
  private note(error: Error | undefined): void {
    const failed = error !== undefined
    if (failed === this.failing) return
    this.failing = failed
    if (!failed) this.log?.info('tracing.exported')
    else
      this.log?.warn('tracing.unexported', {
        why: 'code' in error ? `${error.name} ${error.code}` : error.name,
      })
  }
}
