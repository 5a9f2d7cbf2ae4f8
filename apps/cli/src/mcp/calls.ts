/** What the three tools do: each call is one call of the daemon, as the session whose token it holds. */
import { MeshError, parseAs } from '@claudemesh/protocol'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import type { DaemonRequest } from '../api/client.ts'
import type { RouteName } from '../api/routes.ts'
import { inboxMessage, peer, priority, sendReply } from '../api/schema.ts'
import { frameMessages, SHOWN_CHARS } from '../delivery/frame.ts'
import { neutralise } from '../delivery/neutralise.ts'
import type { ToolName } from './tools.ts'
import { isLost, wordPeers, wordSend } from './words.ts'

/** How the server reaches the daemon. */
export interface Daemon {
  call(route: RouteName, request?: DaemonRequest): Promise<unknown>
  lines(route: RouteName, request?: DaemonRequest): Promise<AsyncIterable<unknown>>
}

/** Messages in one answer of `mesh_inbox`. */
const SHOWN_MESSAGES = 25
/** How long `mesh_send` waits for the broker before it says that the message is still on this machine. */
const ACCEPT_MS = 10_000

/** What each tool takes: see tools.ts, which says the same to the model. */
export const ARGUMENTS = {
  mesh_send: z.object({
    to: z.string().min(1).max(2000),
    text: z.string().min(1).max(200_000),
    priority: priority.optional(),
    reply_to: z.string().optional(),
  }),
  mesh_inbox: z.object({ id: z.string().optional(), offset: z.int().min(0).optional() }),
  mesh_peers: z.object({}),
} satisfies Record<ToolName, z.ZodType>

/** A refusal is an answer too: code and words, and where an address fits several the candidates. Throws faults of ours alone. */
export async function callTool(daemon: Daemon, name: ToolName, given: unknown): Promise<CallToolResult> {
  try {
    if (name === 'mesh_send') return await send(daemon, checked(ARGUMENTS.mesh_send, given))
    if (name === 'mesh_inbox') return await inbox(daemon, checked(ARGUMENTS.mesh_inbox, given))
    return text(wordPeers(z.array(peer).parse(await listOf(daemon, 'peers'))))
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    const facts = error.facts === undefined ? '' : `\n${neutralise(JSON.stringify(error.facts))}`
    return { ...text(`NOT done: ${neutralise(error.message)} (${error.code})${facts}`), isError: true }
  }
}

async function send(daemon: Daemon, args: z.output<typeof ARGUMENTS.mesh_send>): Promise<CallToolResult> {
  const request = {
    to: addresses(args.to),
    text: args.text,
    priority: args.priority,
    replyTo: args.reply_to,
    wait: 'accepted',
    timeoutMs: ACCEPT_MS,
  }
  const reply = sendReply.parse(await daemon.call('send', { body: request }))
  return { ...text(wordSend(reply)), isError: isLost(reply) }
}

async function inbox(daemon: Daemon, args: z.output<typeof ARGUMENTS.mesh_inbox>): Promise<CallToolResult> {
  const { id, offset } = args
  const query = id === undefined ? { limit: String(SHOWN_MESSAGES), model: true } : { all: true, peek: true }
  const messages = []
  for await (const line of await daemon.lines('inbox', { query })) messages.push(inboxMessage.parse(line))
  if (id === undefined) return text(messages.length === 0 ? 'Nothing new.' : frameMessages(messages))
  const found = messages.find(message => message.id === id)
  if (found === undefined) throw new MeshError('not-found', 'No message with this id came to this session.')
  const from = Math.min(offset ?? 0, found.text.length)
  const part = neutralise(found.text).slice(from, from + SHOWN_CHARS)
  return text(frameMessages([{ ...found, text: part }]))
}

function checked<S extends z.ZodType>(schema: S, given: unknown): z.output<S> {
  const parsed = parseAs(schema, given ?? {})
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = issue?.path.join('.') ?? ''
  throw new MeshError('usage', `${field === '' ? 'arguments' : field}: ${issue?.message}`, { field })
}

const addresses = (to: string): string[] =>
  to
    .split(',')
    .map(address => address.trim())
    .filter(address => address !== '')

const text = (words: string): CallToolResult => ({ content: [{ type: 'text', text: words }] })

/** An answer that is one array, or one object a line. */
async function listOf(daemon: Daemon, route: RouteName): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const line of await daemon.lines(route)) all.push(...(Array.isArray(line) ? line : [line]))
  return all
}
