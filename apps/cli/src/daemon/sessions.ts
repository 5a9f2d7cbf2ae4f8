/**
 * Sessions of this machine: the same key for ever per (mesh, UUID), attached as long as they were used in the last 30 days.
 * One that nobody runs is `closed`: its mail is opened, stored and waits.
 */
import { MeshError, type PresenceStatus, type StatusSource, TIMES } from '@claudemesh/protocol'
import type { DeliverMode } from '../delivery/gate.ts'
import { type HomePaths, moveSessionKey, openSessionKey } from '../home/index.ts'
import { claudeIdOf, renamedRow, tokenNameOf, uuidsOf } from './claude-id.ts'
import { KnownSessions, type Seated, type Seats } from './known-sessions.ts'
import type { DaemonLog } from './log.ts'
import type { OpenMesh } from './meshes.ts'
import { processIdentity } from './process-identity.ts'
import type { ProcessTable } from './process-table.ts'
import {
  chooseName,
  freeNameLike,
  isRunning,
  type OpenRequest,
  openedRow,
  profileOf,
  refuseSecondProcess,
} from './session-row.ts'
import { SessionTokens } from './session-tokens.ts'
import { type SessionRow, sessionRows } from './store/session-rows.ts'
import type { Tokens } from './tokens.ts'

interface SessionsOptions {
  readonly paths: HomePaths
  readonly tokens: Tokens
  readonly processes: ProcessTable
  readonly now: () => number
  readonly log: DaemonLog
  /** Told after the row stands. */
  readonly onOpened: (seat: Seated) => void
  readonly onClosed: (seat: Seated) => void
  /** Its status changed, or how its user wants its mail. */
  readonly onStanding: (seat: Seated) => void
}

/** How fine `usedAt` is written for a session that speaks all the time. */
const USED_MS = 1000
/** What a broker that is away answers: the session is attached as soon as it is back. */
const PASSING = ['unreachable', 'timeout', 'unavailable', 'draining', 'rate']

interface ToldStatus {
  readonly status: PresenceStatus
  readonly source: StatusSource
  readonly at: number
  readonly waitingFor: string
}

export class Sessions extends KnownSessions {
  readonly #o: SessionsOptions
  readonly #tokens: SessionTokens
  /** Sessions whose key file is damaged: told, and left as they are. */
  readonly problems: { readonly code: string; readonly message: string; readonly mesh: string }[] = []

  constructor(options: SessionsOptions) {
    super(options.now)
    this.#o = options
    const rows = () => [...this.meshes.values()].flatMap(seats => seats.rows.usedSince(0))
    this.#tokens = new SessionTokens({ ...options, rows })
  }

  /** Attaches what this home has in the mesh; what nobody runs any more is closed. */
  async enter(mesh: OpenMesh): Promise<void> {
    const seats: Seats = {
      mesh,
      rows: sessionRows(mesh.store.scope),
      signers: new Map(),
      waitingFor: new Map(),
    }
    this.meshes.set(mesh.id, seats)
    for (const row of seats.rows.usedSince(this.#o.now() - TIMES.knownMs))
      try {
        this.#finishMove(seats, row)
        seats.signers.set(row.uuid, openSessionKey(this.#o.paths, mesh.id, claudeIdOf(row)))
        await this.#attach(seats, row)
        if (row.open && isRunning(row)) {
          this.#tokens.open(row)
          this.#o.onOpened(this.seat(seats, row))
        } else {
          this.#tokens.restore(row)
          this.#setClosed(seats, row)
        }
      } catch (error) {
        if (!(error instanceof MeshError)) throw error
        this.problems.push({ code: error.code, message: error.message, mesh: mesh.id })
        this.#o.log('session.unusable', {
          mesh: mesh.id,
          session: row.uuid,
          code: error.code,
          message: error.message,
        })
      }
  }

  leave(mesh: OpenMesh): void {
    for (const { row } of this.of(mesh)) if (row.open) this.#o.tokens.close(tokenNameOf(row))
    this.meshes.delete(mesh.id)
  }

  /** Opens it, new or known; resolves when it is set up here and, where the broker answers, attached, unless it asks to be `open` alone. Throws `conflict`. */
  async open(mesh: OpenMesh, request: OpenRequest): Promise<Seated & { tokenFile: string }> {
    const { paths, now, log } = this.#o
    const seats = this.seatsOf(mesh)
    const { kind } = request
    const uuid = this.#rowUuidOf(seats, request.uuid)
    const before = seats.rows.get(uuid)
    const identity = this.#processOf(request.pid)
    refuseSecondProcess(before, request.pid)
    const at = now()
    const name = this.#nameFor(seats, request, uuid, before)
    const tokenName = request.tokenName ?? this.#freeTokenName(uuid)
    const row = openedRow({ request: { ...request, tokenName }, uuid, before, name, identity, at })
    const signer = openSessionKey(paths, mesh.id, request.uuid)
    seats.signers.set(uuid, signer)
    seats.rows.put(row)
    const tokenFile = this.#tokens.open(row)
    if (request.until === 'open') this.#attachSoon(seats, row)
    else await this.#attach(seats, row)
    log('session.opened', { mesh: mesh.id, session: uuid, kind, deliver: row.deliver })
    const seat = this.seat(seats, row)
    this.#o.onOpened(seat)
    return { ...seat, tokenFile }
  }

  /** Claude goes on under another UUID in the same process (`/clear`): key, name and mail go with it, and peers are told. */
  goOn({ mesh, row }: Seated, claudeId: string): void {
    const seats = this.seatsOf(mesh)
    const next = renamedRow(row, claudeId, this.#o.now())
    seats.rows.put(next)
    moveSessionKey(this.#o.paths, mesh.id, claudeIdOf(row), claudeId)
    void mesh.client.setUuids(row.uuid, uuidsOf(next))
    this.#o.log('session.renamed', { mesh: mesh.id, session: row.uuid, claudeId })
  }

  /** As its user calls it in the client from now on, or the next free name of that kind; what no name can be changes nothing. */
  rename({ mesh, row }: Seated, wanted: string): void {
    const seats = this.seatsOf(mesh)
    const name = freeNameLike(wanted, this.#takenNames(seats, row.uuid))
    if (name === undefined) return
    const next = { ...row, name }
    seats.rows.put(next)
    mesh.client.setProfile(row.uuid, profileOf(next, this.waitingFor({ mesh, row })))
    this.#o.log('session.named', { mesh: mesh.id, session: row.uuid })
  }

  /** Claude runs it in this process, as a hook says. */
  ranBy({ mesh, row }: Seated, claudePid: number): void {
    const claudeIdentity = processIdentity(claudePid) ?? null
    this.seatsOf(mesh).rows.put({ ...row, claudePid, claudeIdentity })
  }

  close({ mesh, row }: Seated): void {
    const seats = this.seatsOf(mesh)
    this.#setClosed(seats, row)
    this.#o.log('session.closed', { mesh: mesh.id, session: row.uuid })
  }

  /** Copies in the background speak by the token of this name: it outlives its session, until `dropToken`. */
  keepToken(name: string): void {
    this.#tokens.keep(name)
  }

  dropToken(name: string): void {
    this.#tokens.drop(name)
  }

  /** Closes those whose process has ended; to be called every second. */
  closeEnded(): void {
    const open = this.allOpen().filter(({ row }) => row.pid !== null && row.processIdentity !== null)
    const living = this.#o.processes.identities([...new Set(open.map(({ row }) => row.pid!))])
    for (const seat of open) if (living.get(seat.row.pid!) !== seat.row.processIdentity) this.close(seat)
  }

  /** Publishes how it stands since `at` (ms since 1970), and for what it waits. */
  setStatus({ mesh, row }: Seated, told: ToldStatus): void {
    const { status, source, at, waitingFor } = told
    const seats = this.seatsOf(mesh)
    const next = { ...row, status, statusSource: source, statusAt: at, usedAt: this.#o.now() }
    seats.rows.put(next)
    if (waitingFor !== this.waitingFor({ mesh, row })) {
      seats.waitingFor.set(row.uuid, waitingFor)
      mesh.client.setProfile(row.uuid, profileOf(next, waitingFor))
    }
    mesh.client.setStatus(row.uuid, status, source, at)
    this.#o.onStanding(this.seat(seats, next))
  }

  /** It spoke: of the sessions open, the one used last gets the person's mail. */
  used({ mesh, row }: Seated): void {
    const at = this.#o.now()
    if (at - row.usedAt > USED_MS) this.seatsOf(mesh).rows.put({ ...row, usedAt: at })
  }

  /** How its mail comes from now on, in this life and the next. */
  setDeliver({ mesh, row }: Seated, deliver: DeliverMode): void {
    const seats = this.seatsOf(mesh)
    const next = { ...row, deliver }
    seats.rows.put(next)
    this.#o.log('session.deliver', { mesh: mesh.id, session: row.uuid, deliver })
    this.#o.onStanding(this.seat(seats, next))
  }

  setWords({ mesh, row }: Seated, words: { summary?: string; groups?: string[] }): void {
    const next = { ...row, ...words }
    this.seatsOf(mesh).rows.put(next)
    mesh.client.setProfile(row.uuid, profileOf(next, this.waitingFor({ mesh, row })))
  }

  /** In a later turn of the event loop: the answer goes out first. */
  #attachSoon(seats: Seats, row: SessionRow): void {
    const answered = new Promise<void>(resolve => setImmediate(resolve))
    this.#attach(seats, row, answered).catch(error =>
      this.#o.log('session.not-attached', { mesh: seats.mesh.id, session: row.uuid, message: String(error) }),
    )
  }

  async #attach({ mesh, signers }: Seats, row: SessionRow, after?: Promise<void>): Promise<void> {
    const signer = signers.get(row.uuid)!
    try {
      const status = { status: row.status, source: row.statusSource, at: row.statusAt }
      const uuids = uuidsOf(row)
      await mesh.client.openSession({ uuid: row.uuid, signer, uuids, profile: profileOf(row), status }, after)
    } catch (error) {
      if (!(error instanceof MeshError) || !PASSING.includes(error.code)) throw error
      this.#o.log('session.not-yet-attached', { mesh: mesh.id, session: row.uuid, code: error.code })
    }
  }

  #setClosed(seats: Seats, row: SessionRow): void {
    const at = this.#o.now()
    const closed: SessionRow = row.open
      ? {
          ...row,
          open: false,
          pid: null,
          processIdentity: null,
          status: 'closed',
          statusSource: 'daemon',
          statusAt: at,
          usedAt: at,
        }
      : row
    seats.rows.put(closed)
    this.#tokens.close(closed)
    seats.mesh.client.setStatus(row.uuid, 'closed', 'daemon', closed.statusAt)
    if (row.open) this.#o.onClosed(this.seat(seats, closed))
  }

  #processOf(pid: number | undefined): string | undefined {
    if (pid === undefined) return undefined
    const identity = processIdentity(pid)
    if (identity === undefined) throw new MeshError('usage', `There is no process ${pid}.`, { field: 'pid' })
    return identity
  }

  /** Of the row, the same in every mesh: Claude's own, unless that names a row which went on from it to another. */
  #rowUuidOf({ rows }: Seats, claudeId: string): string {
    const elsewhere = this.byClaudeId(claudeId).find(({ row }) => !rows.get(row.uuid))
    const held = rows.usedSince(0).find(row => claudeIdOf(row) === claudeId) ?? elsewhere?.row
    if (held) return held.uuid
    return rows.get(claudeId) ? crypto.randomUUID() : claudeId
  }

  /** Its own, unless the process that had it first uses it for another session now. */
  #freeTokenName(uuid: string): string {
    const used = this.all().some(({ row }) => row.open && row.uuid !== uuid && tokenNameOf(row) === uuid)
    return used ? crypto.randomUUID() : uuid
  }

  /** What a crash left of a `goOn`: the row stands, the key is under the UUID before. */
  #finishMove({ mesh, rows }: Seats, row: SessionRow): void {
    const from = row.former.at(-1)?.uuid
    if (from === undefined || rows.usedSince(0).some(other => claudeIdOf(other) === from)) return
    moveSessionKey(this.#o.paths, mesh.id, from, claudeIdOf(row))
  }

  #nameFor(seats: Seats, request: OpenRequest, uuid: string, before: SessionRow | undefined): string {
    return chooseName(request, before?.name, this.#takenNames(seats, uuid))
  }

  #takenNames({ rows }: Seats, uuid: string): Set<string> {
    const others = rows.usedSince(this.#o.now() - TIMES.knownMs).filter(row => row.open && row.uuid !== uuid)
    return new Set(others.map(row => row.name))
  }
}
