/**
 * The half of the Model Context Protocol that a server of tools needs, on stdio: JSON-RPC 2.0, one message a line. Imports nothing at
 * run time: claude waits for its servers before the first request, and the protocol's own library takes 90 ms to load. What it answers
 * is held to that library's types here and to its client in the tests.
 */
import type {
  CallToolResult,
  InitializeResult,
  JSONRPCErrorResponse,
  JSONRPCResultResponse,
  ListToolsResult,
  Tool,
} from '@modelcontextprotocol/sdk/types.js'

/** Newest first; all that the library of version 1.32 speaks (a test compares). */
export const PROTOCOL_VERSIONS = [
  '2025-11-25',
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
  '2024-10-07',
] as const

/** Characters of one message: `mesh_send` takes a text of 200,000, each of them at most 6 in JSON. */
const LONGEST_MESSAGE = 4 << 20

/** Codes of JSON-RPC 2.0 section 5.1. */
const PARSE_ERROR = -32700
const INVALID_REQUEST = -32600
const NO_SUCH_METHOD = -32601
const INVALID_PARAMS = -32602
const INTERNAL = -32603

export interface ToolServer<Name extends string> {
  readonly name: string
  readonly version: string
  readonly instructions?: string
  readonly tools: readonly (Tool & { name: Name })[]
  /** What the tool answers to `args`, unchecked. May throw: the call fails, the server goes on. */
  readonly call: (name: Name, args: unknown) => Promise<CallToolResult>
}

type Id = string | number
type Reply = JSONRPCResultResponse | JSONRPCErrorResponse | { jsonrpc: '2.0'; id: null; error: object }

/** Answers what comes on `input` by lines given to `write`, until it ends; calls under way then are dropped. Rejects on a message of over 4 Mi characters. */
export async function serveTools<Name extends string>(
  server: ToolServer<Name>,
  input: AsyncIterable<Uint8Array>,
  write: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of input) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines)
      if (line.trim() !== '')
        void replyTo(server, line).then(reply => {
          if (reply !== undefined) write(`${JSON.stringify(reply)}\n`)
        })
    if (rest.length > LONGEST_MESSAGE) throw new Error('a message is too long')
  }
}

async function replyTo<Name extends string>(
  server: ToolServer<Name>,
  line: string,
): Promise<Reply | undefined> {
  let message: unknown
  try {
    message = JSON.parse(line)
  } catch {
    return { jsonrpc: '2.0', id: null, error: { code: PARSE_ERROR, message: 'this is no JSON' } }
  }
  const { id, method, params } = (message ?? {}) as Record<string, unknown>
  // A notification, or the answer to a request, of which we make none.
  if ((typeof method === 'string' && id === undefined) || (method === undefined && isId(id))) return undefined
  if (!isId(id) || typeof method !== 'string')
    return { jsonrpc: '2.0', id: null, error: { code: INVALID_REQUEST, message: 'this is no request' } }
  try {
    return { jsonrpc: '2.0', id, result: { ...(await answer(server, method, params)) } }
  } catch (error) {
    const { code, message: why } = error instanceof Refusal ? error : new Refusal(INTERNAL, String(error))
    return { jsonrpc: '2.0', id, error: { code, message: why } }
  }
}

async function answer<Name extends string>(
  server: ToolServer<Name>,
  method: string,
  params: unknown,
): Promise<InitializeResult | ListToolsResult | CallToolResult | Record<string, never>> {
  const given = (typeof params === 'object' && params !== null ? params : {}) as Record<string, unknown>
  const { name, version, instructions, tools } = server
  const hasTools = tools.length > 0
  if (method === 'ping') return {}
  if (method === 'initialize')
    return {
      protocolVersion: PROTOCOL_VERSIONS.find(each => each === given.protocolVersion) ?? PROTOCOL_VERSIONS[0],
      capabilities: hasTools ? { tools: {} } : {},
      serverInfo: { name, version },
      ...(instructions !== undefined && { instructions }),
    }
  if (hasTools && method === 'tools/list') return { tools: [...tools] }
  if (!hasTools || method !== 'tools/call') throw new Refusal(NO_SUCH_METHOD, `no method ${method}`)
  const tool = tools.find(each => each.name === given.name)
  if (tool === undefined) throw new Refusal(INVALID_PARAMS, `no tool ${String(given.name)}`)
  return server.call(tool.name, given.arguments)
}

const isId = (id: unknown): id is Id => typeof id === 'string' || typeof id === 'number'

class Refusal extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}
