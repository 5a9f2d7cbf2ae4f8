/** A collector of spans: a real OTLP/http receiver that keeps what it is given, and may be slow, broken or away. */

export interface GivenSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly error: boolean
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly facts: Readonly<Record<string, string | number | boolean>>
}

export interface Collector {
  readonly url: string
  readonly port: number
  readonly spans: GivenSpan[]
  /** Attributes of the process that gave them. */
  readonly resource: Readonly<Record<string, string | number | boolean>>
  /** Every body as it came. */
  readonly bodies: string[]
  /** Headers of the last request. */
  readonly headers: Headers
  /** Resolves once `holds` is true of the spans. */
  until(holds: (spans: readonly GivenSpan[]) => boolean): Promise<void>
  close(): Promise<void>
}

interface Value {
  readonly stringValue?: string
  readonly intValue?: string | number
  readonly doubleValue?: number
  readonly boolValue?: boolean
}
type Attributes = readonly { readonly key: string; readonly value: Value }[]
interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Attributes }
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly name: string
        readonly traceId: string
        readonly spanId: string
        readonly parentSpanId?: string
        readonly attributes: Attributes
        readonly links?: readonly { readonly traceId: string; readonly spanId: string }[]
        readonly status: { readonly code?: number }
      }[]
    }[]
  }[]
}

const STATUS_ERROR = 2

/** Listens on 127.0.0.1, on any free port unless one is given. */
export function startCollector(port = 0): Collector {
  const spans: GivenSpan[] = []
  const bodies: string[] = []
  const resource: Record<string, string | number | boolean> = {}
  let headers = new Headers()
  const waiting = new Set<() => void>()
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port,
    async fetch(request) {
      if (request.method !== 'POST' || new URL(request.url).pathname !== '/v1/traces')
        return new Response(null, { status: 404 })
      const body = await request.text()
      headers = request.headers
      bodies.push(body)
      for (const { resource: of, scopeSpans } of (JSON.parse(body) as Sent).resourceSpans) {
        Object.assign(resource, factsOf(of.attributes))
        for (const one of scopeSpans.flatMap(scope => scope.spans))
          spans.push({
            name: one.name,
            traceId: one.traceId,
            spanId: one.spanId,
            parentSpanId: one.parentSpanId || undefined,
            error: one.status.code === STATUS_ERROR,
            links: one.links ?? [],
            facts: factsOf(one.attributes),
          })
      }
      for (const look of waiting) look()
      return Response.json({ partialSuccess: {} })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port!,
    spans,
    resource,
    bodies,
    get headers() {
      return headers
    },
    until: holds =>
      new Promise(resolve => {
        const look = () => {
          if (!holds(spans)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    close: () => server.stop(true),
  }
}

const factsOf = (attributes: Attributes) =>
  Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, doubleValue, boolValue } }) => [
      key,
      stringValue ?? boolValue ?? Number(intValue ?? doubleValue),
    ]),
  )
