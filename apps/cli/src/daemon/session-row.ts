/** What a session is opened as: its name, its profile, and whether something still runs it. */
import { LIMITS, MeshError, type Profile } from '@claudemesh/protocol'
import type { DeliverMode } from '../delivery/gate.ts'
import { plainName } from './plain-words.ts'
import { isAlive } from './process-identity.ts'
import type { SessionRow } from './store/session-rows.ts'

export interface OpenRequest {
  /** Claude's. */
  readonly uuid: string
  /** `undefined`: as it was, or like `like`, or from the directory. */
  readonly name: string | undefined
  /** Name of the session beside which it begins: it gets the next free one of that kind. */
  readonly like?: string
  readonly profile: Partial<Omit<Profile, 'name'>>
  readonly kind: 'claude' | 'plain'
  /** `undefined`: as it was, or pushed. */
  readonly deliver: DeliverMode | undefined
  readonly pid: number | undefined
  /** Where it is not a token of its own that speaks for it. */
  readonly tokenName?: string
  readonly introducedBy?: string
  /** `open`: whoever asked is answered before it is attached. Default: attached. */
  readonly until?: 'attached' | 'open'
}

/** As it stands once opened: what is not said anew stays as it was the last time. */
export function openedRow(p: {
  request: OpenRequest
  /** Of the row. */
  uuid: string
  before: SessionRow | undefined
  name: string
  identity: string | undefined
  at: number
}): SessionRow {
  const { request, uuid, before, name, identity, at } = p
  const { kind, deliver, pid, tokenName, introducedBy } = request
  return {
    role: '',
    groups: [],
    summary: '',
    directory: '',
    former: [],
    ...before,
    ...request.profile,
    uuid,
    claudeId: request.uuid === uuid ? null : request.uuid,
    claudePid: null,
    claudeIdentity: null,
    tokenName: tokenName ?? null,
    introducedBy: introducedBy ?? null,
    name,
    kind,
    deliver: deliver ?? before?.deliver ?? 'push',
    open: true,
    pid: pid ?? null,
    processIdentity: identity ?? null,
    status: 'idle',
    statusSource: 'daemon',
    statusAt: at,
    usedAt: at,
  }
}

export const profileOf = (
  { name, role, groups, summary, directory }: SessionRow,
  waitingFor = '',
): Profile => ({
  name,
  role,
  groups,
  summary,
  directory,
  ...(waitingFor !== '' && { waitingFor }),
})

/** A session without a process of its own runs until it is closed. */
export const isRunning = ({ pid, processIdentity: identity }: SessionRow): boolean =>
  pid === null || identity === null || isAlive(pid, identity)

/** Throws `conflict` while another living process has the session. */
export function refuseSecondProcess(before: SessionRow | undefined, pid: number | undefined): void {
  if (!before?.open || before.pid === null || before.pid === pid || !isRunning(before)) return
  throw new MeshError(
    'conflict',
    `This session is open in process ${before.pid}. Two at once would not see each other's turns: end that one first.`,
    { field: 'uuid' },
  )
}

const folderName = (directory: string | undefined): string | undefined => {
  const name = (directory ?? '').split('/').findLast(part => part !== '')
  return name?.replace(/[^\p{L}\p{N}._-]+/gu, '-').slice(0, 40) || undefined
}

function firstFree(name: string, taken: ReadonlySet<string>): string {
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? name : `${name}-${n}`
    if (!taken.has(candidate)) return candidate
  }
}

/** A name of this kind that nobody has; `undefined` where no address could carry it. */
export function freeNameLike(wanted: string, taken: ReadonlySet<string>): string | undefined {
  try {
    return firstFree(plainName(wanted.replace(/[/,@]+/g, '-').slice(0, LIMITS.nameChars - 4), 'name'), taken)
  } catch {
    return undefined
  }
}

/** The name asked for, or one that no other open session has. Throws `conflict` for a name that is taken. */
export function chooseName(
  request: OpenRequest,
  before: string | undefined,
  taken: ReadonlySet<string>,
): string {
  if (request.name === undefined && before === undefined && request.like !== undefined)
    return firstFree(request.like, new Set([...taken, request.like]))
  if (request.name === undefined)
    return firstFree(before ?? folderName(request.profile.directory) ?? request.uuid.slice(0, 8), taken)
  if (!taken.has(request.name)) return request.name
  throw new MeshError(
    'conflict',
    `Another open session of yours is called ${request.name}. Choose another name.`,
    {
      field: 'name',
    },
  )
}
