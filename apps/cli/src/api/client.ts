/** Calls of the daemon's local API over its unix socket. The token stays in its file and in this process. Loads no schemas but for an error. */
import { ERROR_CODES, type ErrorCode, MeshError } from '@claudemesh/protocol/errors'
// Not by the folder's index: keys are no business of a client, and libsodium takes its time.
import { readDaemonFile } from '../home/daemon-file.ts'
import { homePaths } from '../home/paths.ts'
import { launchedHere } from '../launch/launched-here.ts'
import { ROUTES, type RouteName } from './routes.ts'

export interface DaemonRequest {
  /** Values of the path's `:names`. */
  params?: Record<string, string>
  /** `undefined` and `false` are left out; `true` is `1`. */
  query?: Record<string, string | boolean | undefined>
  body?: unknown
  /** Default: the launched session's (launched-here.ts), else the user's. */
  token?: string
  signal?: AbortSignal
}

/**
 * One call, its answer as it came (`null` for an empty one). Throws what the daemon answers, and `unreachable` where none
 * does, with `facts.daemon: 'absent'` when there is nothing that could.
 */
export async function callDaemon(
  name: RouteName,
  request: DaemonRequest & { home?: string } = {},
): Promise<unknown> {
  const response = await fetchRoute(name, request)
  const text = await response.text()
  return text === '' ? null : parse(text)
}

/** The same for an answer of JSON lines, resolved once it has begun; the lines end when the daemon or `signal` ends them. */
export async function followDaemon(
  name: RouteName,
  request: DaemonRequest & { home?: string } = {},
): Promise<AsyncIterable<unknown>> {
  return linesOf(await fetchRoute(name, request))
}

async function* linesOf(response: Response): AsyncIterable<unknown> {
  if (response.body === null) return
  let rest = ''
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') yield parse(line)
  }
  if (rest !== '') yield parse(rest)
}

async function fetchRoute(name: RouteName, request: DaemonRequest & { home?: string }): Promise<Response> {
  const paths = homePaths(request.home)
  const [method, pattern] = ROUTES[name]
  const token = request.token ?? (await readToken((await launchedHere(process.env))?.tokenFile, paths.token))
  let response: Response
  try {
    response = await fetch(`http://localhost${fill(pattern, request)}`, {
      // A daemon started elsewhere may have put its socket under another runtime folder.
      unix: readDaemonFile(paths)?.socket ?? paths.socket,
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        ...claudeSession(process.env),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    })
  } catch (cause) {
    if (request.signal?.aborted === true)
      throw new MeshError('timeout', 'The daemon did not answer in time.', { cause })
    throw absent(cause)
  }
  if (!response.ok) throw await errorOf(response)
  return response
}

/** The UUID of the Claude session that a command or tool server runs in: a copy of a session carries the token of its original. */
export const CLAUDE_SESSION_HEADER = 'claudemesh-claude-session'
const claudeSession = ({ CLAUDE_CODE_SESSION_ID: id }: NodeJS.ProcessEnv): Record<string, string> =>
  /^[0-9a-f-]{36}$/.test(id ?? '') ? { [CLAUDE_SESSION_HEADER]: id! } : {}

async function readToken(launched: string | undefined, user: string): Promise<string> {
  try {
    return (await Bun.file(launched ?? user).text()).trim()
  } catch (cause) {
    if (launched !== undefined)
      throw new MeshError(
        'unauthenticated',
        "This session's token is gone: the session was closed. Launch it again.",
        {
          cause,
        },
      )
    throw absent(cause)
  }
}

const absent = (cause: unknown) =>
  new MeshError('unreachable', 'The daemon is not running. Start it: `claudemesh daemon start`.', {
    cause,
    facts: { daemon: 'absent' },
  })

function fill(pattern: string, { params = {}, query = {} }: DaemonRequest): string {
  const path = pattern.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
  const asked = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== false) asked.set(name, value === true ? '1' : value)
  return asked.size === 0 ? path : `${path}?${asked}`
}

async function errorOf(response: Response): Promise<MeshError> {
  const text = await response.text()
  const [{ parseAs }, { errorReply }] = await Promise.all([
    import('@claudemesh/protocol/parse-as'),
    import('./schema.ts'),
  ])
  const parsed = parseAs(errorReply, text === '' ? null : parseOrNull(text))
  if (!parsed.success)
    return new MeshError('internal', `The daemon answered ${response.status} without saying why.`)
  const { code, message, field, retryAfterMs, facts } = parsed.data.error
  return new MeshError(isErrorCode(code) ? code : 'internal', message, { field, retryAfterMs, facts })
}

const isErrorCode = (code: string): code is ErrorCode => (ERROR_CODES as string[]).includes(code)

function parse(text: string): unknown {
  const value = parseOrNull(text)
  if (value === null)
    throw new MeshError('internal', "The daemon's answer is no JSON: it was cut off. Try again.")
  return value
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
