/** Whether a broker is traced: OpenTelemetry is not even loaded unless a collector is named. */
import type { Settings } from '../settings.ts'
import type { Tracing } from './tracing.ts'

/** Tracing by the standard variables of OpenTelemetry; `undefined` where none of them names a collector. */
export async function openTracing(settings: Settings): Promise<Tracing | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_SDK_DISABLED } = settings
  const named = OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? OTEL_EXPORTER_OTLP_ENDPOINT
  if (named === undefined || OTEL_SDK_DISABLED === 'true') return undefined
  const { exportSpans } = await import('./open-telemetry.ts')
  return exportSpans(settings)
}
