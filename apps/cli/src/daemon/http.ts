/** What every route of the local API shares: who calls, bodies that are checked, errors in one shape. */
import { ERRORS, MeshError, parseAs } from '@claudemesh/protocol'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import { fullDisk } from '../home/index.ts'
import { isCalled } from './claude-id.ts'
import type { Daemon } from './daemon.ts'
import type { Seated } from './known-sessions.ts'
import type { OpenMesh } from './meshes.ts'
import type { SessionRow } from './store/session-rows.ts'
import type { Caller } from './tokens.ts'

export type Env = { Variables: { caller: Caller } }
export type Call = Context<Env>

/** The body as JSON of this shape. Throws `bad-field` with the field, `bad-frame` for what is no JSON. */
export async function readBody<S extends z.ZodType>(call: Call, schema: S): Promise<z.output<S>> {
  let json: unknown
  try {
    const text = await call.req.text()
    json = text === '' ? {} : JSON.parse(text)
  } catch (cause) {
    throw new MeshError('bad-frame', 'The body is not JSON, or ended before its time.', { cause })
  }
  const parsed = parseAs(schema, json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = issue?.path.map(String) ?? []
  const field = [...path, ...(issue?.code === 'unrecognized_keys' ? issue.keys : [])].join('.').slice(0, 128)
  throw new MeshError('bad-field', `${field || 'The body'}: ${issue?.message.slice(0, 200) ?? 'refused'}`, {
    field,
  })
}

/** An error as it is answered; what is not ours says nothing of itself. */
export function errorAnswer(call: Call, error: unknown, log: Daemon['log']): Response {
  const told =
    error instanceof MeshError
      ? error
      : (fullDisk(error) ?? new MeshError('internal', 'The daemon failed; its log says where.'))
  if (told !== error)
    log('request.failed', { path: call.req.routePath, message: String(error), stack: stackOf(error) })
  const { code, message, field, retryAfterMs, facts } = told
  if (retryAfterMs !== undefined) call.header('retry-after', String(Math.ceil(retryAfterMs / 1000)))
  return call.json(
    { error: { code, message, field, retryAfterMs, facts } },
    ERRORS[code].http as ContentfulStatusCode,
  )
}

const stackOf = (error: unknown): string | undefined => (error instanceof Error ? error.stack : undefined)

/** Only the user may. Throws `forbidden`. */
export function userOnly(call: Call): void {
  if (call.get('caller').kind !== 'user')
    throw new MeshError(
      'forbidden',
      "A session's token acts as that session alone: this is the user's to do.",
    )
}

/**
 * Who speaks: the session of the token, the one named by `as`, or `undefined` for the person; and in which mesh.
 * Throws `forbidden` where a session's token is used to speak as another.
 */
export function speakerOf(
  daemon: Daemon,
  call: Call,
  asked: { as?: string | undefined; mesh?: string | undefined },
): { mesh: OpenMesh; speaker: Seated | undefined } {
  const caller = call.get('caller')
  const named = asked.mesh === undefined ? undefined : daemon.meshes.find(asked.mesh)
  if (caller.kind === 'session') {
    const seats = daemon.sessions.byUuid(caller.uuid, named).filter(({ row }) => row.open)
    const [seat] = seats
    if (!seat)
      throw new MeshError('forbidden', 'This session is closed, or not of that mesh.', { field: 'mesh' })
    if (
      asked.as !== undefined &&
      !daemon.sessions.byUuid(caller.uuid).some(({ row }) => isNamed(row, asked.as!))
    )
      throw new MeshError('forbidden', "A session's token speaks for that session alone.", { field: 'as' })
    if (seats.length > 1)
      throw new MeshError('ambiguous', 'This session is in several meshes: say which.', {
        field: 'mesh',
        facts: { candidates: seats.map(({ mesh }) => mesh.client.view().name) },
      })
    return { mesh: seat.mesh, speaker: seat }
  }
  if (asked.as === undefined || asked.as === '')
    return { mesh: named ?? daemon.meshes.find(undefined), speaker: undefined }
  const speaker = daemon.sessions.find(asked.as, 'as', named)
  return { mesh: speaker.mesh, speaker }
}

function isNamed(row: SessionRow, named: string): boolean {
  const { now, before } = isCalled(row, named.toLowerCase())
  return row.name === named || (named.length >= 6 && (now || before))
}

/** `?name=1`, `?name=true`. */
export const isSet = (call: Call, name: string): boolean => ['1', 'true'].includes(call.req.query(name) ?? '')

/** A query value of at most 64 characters. Throws `bad-field`. */
export function asked(call: Call, name: string): string | undefined {
  const value = call.req.query(name)
  if (value === undefined || value === '') return undefined
  if (value.length > 64)
    throw new MeshError('bad-field', `${name} is longer than 64 characters`, { field: name })
  return value
}
