/** A stand-in for the Messages API on loopback: answers by the script in the prompt and remembers every request. */
import { randomBytes } from 'node:crypto'
import { type Answer, type ModelMessage, parseScript, scriptOf } from './model-script.ts'

/** One call of `/v1/messages` by a main loop (a request that carries tools). */
export interface ModelRequest {
  readonly at: number
  readonly messages: readonly ModelMessage[]
  readonly tools: readonly { name: string; description?: string }[]
  /** Messages and system prompt as one JSON text, for searching. */
  readonly whole: string
}

export interface ModelStub {
  readonly url: string
  readonly requests: readonly ModelRequest[]
  /** The first request, past or to come, that `wanted` accepts; rejects after `timeoutMs` with what came instead. */
  seen(wanted: (request: ModelRequest) => boolean, timeoutMs?: number): Promise<ModelRequest>
  /** Lets an answer go that waits at `HOLD key`, now or when it gets there. */
  release(key: string): void
  /** Resolves when an answer waits at `HOLD key`. */
  holding(key: string): Promise<void>
  close(): Promise<void>
}

interface Gate {
  reached: PromiseWithResolvers<void>
  released: PromiseWithResolvers<void>
}

type ContentBlock =
  | { type: 'text'; text: string }
  | { type: 'tool_use'; id: string; name: string; input: Record<string, unknown> }

interface Body {
  model?: string
  stream?: boolean
  messages?: ModelMessage[]
  system?: unknown
  tools?: { name: string; description?: string }[]
  output_config?: { format?: unknown }
  output_format?: unknown
}

const id = (prefix: string): string => `${prefix}_${randomBytes(9).toString('hex')}`
const delay = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
const json = (value: unknown, status = 200): Response =>
  Response.json(value, { status, headers: { 'request-id': id('req') } })
const apiError = (status: number, type: string, message: string): Response =>
  json({ type: 'error', error: { type, message } }, status)

/** Starts the stand-in on a free loopback port. */
export function startModelStub(): ModelStub {
  const requests: ModelRequest[] = []
  const watchers = new Set<() => void>()
  const gates = new Map<string, Gate>()
  const gate = (key: string): Gate => {
    const known = gates.get(key)
    if (known !== undefined) return known
    const made = { reached: Promise.withResolvers<void>(), released: Promise.withResolvers<void>() }
    gates.set(key, made)
    return made
  }

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url)
      if (request.method === 'HEAD' || pathname === '/') return json({})
      if (pathname === '/v1/messages/count_tokens') return json({ input_tokens: 1000 })
      if (pathname === '/v1/models') return json({ data: [], has_more: false, first_id: null, last_id: null })
      if (pathname !== '/v1/messages') return apiError(404, 'not_found_error', `no endpoint ${pathname}`)
      const body = (await request.json()) as Body
      const messages = body.messages ?? []
      const tools = body.tools ?? []
      if (tools.length === 0) return answer(body, [{ type: 'text', text: sideAnswer(body) }], 0)
      const whole = JSON.stringify([messages, body.system])
      requests.push({ at: Date.now(), messages, tools, whole })
      for (const watcher of watchers) watcher()
      const { text, answered } = scriptOf(messages)
      const step = parseScript(text)[answered] ?? { before: [], calls: [] }
      return perform(body, step, whole, `stub heard: ${text.slice(0, 200)}`, gate)
    },
  })

  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    seen(wanted, timeoutMs = 30_000) {
      return new Promise((resolve, reject) => {
        let next = 0
        const look = (): void => {
          for (; next < requests.length; next++) {
            const request = requests[next]!
            if (!wanted(request)) continue
            watchers.delete(look)
            clearTimeout(timer)
            resolve(request)
            return
          }
        }
        const timer = setTimeout(() => {
          watchers.delete(look)
          const last = requests.at(-1)?.whole.slice(-1500) ?? 'none'
          reject(new Error(`no such request among ${requests.length} in ${timeoutMs} ms; the last: ${last}`))
        }, timeoutMs)
        watchers.add(look)
        look()
      })
    },
    release: key => gate(key).released.resolve(),
    holding: key => gate(key).reached.promise,
    async close() {
      for (const { released } of gates.values()) released.resolve()
      await server.stop(true)
    },
  }
}

/** Title and topic questions the client asks on the side: short, and shaped as asked. */
const sideAnswer = (body: Body): string =>
  (body.output_config?.format ?? body.output_format)
    ? '{"title":"Stub title","name":"stub-title"}'
    : 'stub side answer'

async function perform(
  body: Body,
  step: Answer,
  whole: string,
  otherwise: string,
  gate: (key: string) => Gate,
): Promise<Response> {
  const blocks: ContentBlock[] = []
  let drip = 0
  for (const { verb, argument } of step.before) {
    if (verb === 'SLEEP') await delay(Number(argument))
    if (verb === 'DRIP') drip = Number(argument)
    if (verb === 'HOLD') {
      gate(argument.trim()).reached.resolve()
      await gate(argument.trim()).released.promise
    }
    if (verb === 'SAY') blocks.push({ type: 'text', text: argument })
    if (verb === 'ECHO') blocks.push({ type: 'text', text: echo(argument, whole) })
    if (verb === 'FAIL') {
      const [status, type = 'api_error'] = argument.split(' ')
      return apiError(Number(status), type, 'stub said so')
    }
  }
  for (const call of step.calls) blocks.push({ type: 'tool_use', id: id('toolu'), ...call })
  if (blocks.length === 0) blocks.push({ type: 'text', text: otherwise })
  return answer(body, blocks, drip)
}

/** What in the request matches, each once; the line that asks is not an answer to itself. */
function echo(pattern: string, whole: string): string {
  const found = [...whole.matchAll(new RegExp(pattern, 'g'))].map(m => m[0]).filter(m => !m.includes('ECHO'))
  return found.length === 0 ? 'ECHO no match' : `ECHO ${[...new Set(found)].join(' | ')}`
}

function answer(body: Body, blocks: readonly ContentBlock[], drip: number): Response {
  const usage = {
    input_tokens: 1000,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 10,
  }
  const stop_reason = blocks.some(b => b.type === 'tool_use') ? 'tool_use' : 'end_turn'
  const message = {
    id: id('msg'),
    type: 'message',
    role: 'assistant',
    model: body.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  }
  if (body.stream !== true) return json({ ...message, content: blocks, stop_reason })
  const events = stream(message, blocks, stop_reason, drip)
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const { done, value } = await events.next()
    if (done === true) controller.close()
    else controller.enqueue(new TextEncoder().encode(value))
  }
  return new Response(new ReadableStream({ pull }), {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'request-id': id('req') },
  })
}

/** Server-sent events of one streamed answer, in the order the Messages API documents. */
async function* stream(
  message: object,
  blocks: readonly ContentBlock[],
  stop_reason: string,
  drip: number,
): AsyncGenerator<string> {
  const event = (type: string, data: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
  yield event('message_start', { message })
  for (const [index, block] of blocks.entries()) {
    if (block.type === 'text') {
      yield event('content_block_start', { index, content_block: { type: 'text', text: '' } })
      for (const text of block.text.match(/\S+\s*|\s+/g) ?? ['']) {
        yield event('content_block_delta', { index, delta: { type: 'text_delta', text } })
        if (drip > 0) await delay(drip)
      }
    } else {
      yield event('content_block_start', { index, content_block: { ...block, input: {} } })
      const partial_json = JSON.stringify(block.input)
      yield event('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json } })
    }
    yield event('content_block_stop', { index })
  }
  yield event('message_delta', { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 10 } })
  yield event('message_stop', {})
}
