/** Starts the daemon of a home and stops it without losing anything; a broker that is down is waited for, not needed. */
import type { InboxMessage } from '@claudemesh/client'
import manifest from '../../package.json' with { type: 'json' }
import { createDelivery } from '../delivery/deliver.ts'
import type { Delivery } from '../delivery/port.ts'
import {
  currentHome,
  ensurePrivateFolder,
  type HomePaths,
  homePaths,
  removeDaemonFile,
  writeDaemonFile,
} from '../home/index.ts'
import { claudeIdOf } from './claude-id.ts'
import type { Daemon } from './daemon.ts'
import { deliveryPort } from './delivery-port.ts'
import type { Seated } from './known-sessions.ts'
import { takeLock } from './lock.ts'
import { type DaemonLog, openLog } from './log.ts'
import { Mail } from './mail.ts'
import { Meshes, type OpenMesh } from './meshes.ts'
import { Brake } from './noise/brake.ts'
import { Noise } from './noise/noise.ts'
import { Notes } from './noise/notes.ts'
import { Pause } from './pause.ts'
import { ProcessTable } from './process-table.ts'
import { Rest } from './rest.ts'
import { serve } from './server.ts'
import { SessionStatus } from './session-status.ts'
import { Sessions } from './sessions.ts'
import { openStoreFile, type StoreFile } from './store/store-file.ts'
import { Tokens } from './tokens.ts'

export interface RunningDaemon {
  readonly socket: string
  /** Ends everything in order; resolves when all of it is down. May be called again. */
  stop(): Promise<void>
  /** Resolves when the daemon has ended, also where somebody asked it to over its API. */
  readonly stopped: Promise<void>
}

/** Between two looks at the processes and files of open sessions. */
const WATCH_MS = 1000
/** How often what was erased leaves the write-ahead log too. */
const UPKEEP_MS = 3_600_000

/** Resolves when the API answers. Throws `already-running`, `forbidden` or `integrity`; then nothing is left behind. */
export async function runDaemon(o: { home?: string; now?: () => number } = {}): Promise<RunningDaemon> {
  const paths = homePaths(o.home ?? currentHome())
  ensurePrivateFolder(paths.home)
  if (paths.socketFolder !== paths.home) ensurePrivateFolder(paths.socketFolder, { strict: true })
  const undo: (() => unknown)[] = []
  const unwind = async () => {
    for (let last = undo.pop(); last; last = undo.pop()) await last()
  }
  try {
    const lock = takeLock(paths.lock)
    undo.push(() => lock.release())
    const log = openLog(paths)
    undo.push(() => log.end())
    const file = openStoreFile(paths.store)
    undo.push(() => file.close())
    const ending = new AbortController()
    const now = o.now ?? Date.now
    const parts = { paths, log, file, now, undo, ending: ending.signal, shutDown: () => void stop() }
    const daemon = await assemble(parts)
    const server = serve(daemon)
    undo.push(() => server.stop())
    undo.push(() => ending.abort())
    undo.push(() => removeDaemonFile(paths))
    const { version, startedAt } = daemon
    writeDaemonFile(paths, {
      pid: lock.pid,
      startTime: lock.identity,
      socket: paths.socket,
      version,
      startedAt,
    })
    log('daemon.started', { version })
    const { promise: stopped, resolve } = Promise.withResolvers<void>()
    let stopping: Promise<void> | undefined
    const stop = (): Promise<void> => {
      // One turn later, so that the answer to `shutdown` leaves first.
      stopping ??= new Promise<void>(next => setTimeout(next, 0))
        .then(() => {
          log('daemon.stopping')
          return unwind()
        })
        .finally(resolve)
      return stopping
    }
    return { socket: paths.socket, stop, stopped }
  } catch (error) {
    await unwind()
    throw error
  }
}

interface Parts {
  readonly paths: HomePaths
  readonly log: DaemonLog
  readonly file: StoreFile
  readonly now: () => number
  readonly undo: (() => unknown)[]
  readonly ending: AbortSignal
  readonly shutDown: () => void
}

async function assemble({ paths, log, file, now, undo, ending, shutDown }: Parts): Promise<Daemon> {
  const tokens = new Tokens(paths)
  const processes = new ProcessTable()
  undo.push(() => processes.stop())
  const sessions = new Sessions({
    paths,
    tokens,
    processes,
    now,
    log,
    onOpened: seat => opened(parts, seat),
    onClosed: seat => closed(parts, seat),
    onStanding: seat => drain(parts, seat),
  })
  const status = new SessionStatus({
    sessions,
    processes,
    log,
    now,
    onTwice: seat => drain(parts, seat),
  })
  const pause = new Pause(paths.paused)
  const brake = new Brake({
    now,
    wake: uuid => parts.delivery.wake(uuid),
    surfaced: (uuid, ids) => parts.noise.took(uuid, ids),
  })
  const mail = new Mail({ sessions, pause, brake, isTwice: uuid => status.processesOf(uuid).length > 1 })
  const noise = new Noise({ sessions, now, log, wake: uuid => parts.delivery.wake(uuid) })
  const notes = new Notes({ sessions, now, log })
  const delivery = createDelivery(deliveryPort({ sessions, mail, log, now }))
  const parts: Wiring = { sessions, mail, noise, delivery, status, pause }
  const meshes = new Meshes({
    paths,
    file,
    now,
    log,
    onOpen: async mesh => {
      await sessions.enter(mesh)
      mesh.client.on('inbox', ({ uuid, messages }) => {
        noise.heard(mesh, uuid, messages)
        arrived(parts, mesh, uuid, messages)
      })
      notes.watch(mesh)
      let pausedSince = mesh.client.paused?.since
      mesh.client.on('roster', () => {
        if (pausedSince === mesh.client.paused?.since) return
        pausedSince = mesh.client.paused?.since
        for (const seat of sessions.of(mesh)) if (seat.row.open) drain(parts, seat)
      })
      giveOut(parts, mesh)
    },
    onClose: mesh => {
      notes.leave(mesh)
      sessions.leave(mesh)
    },
  })
  undo.push(() => meshes.stop())
  undo.push(() => delivery.stop())
  undo.push(() => brake.stop())
  await meshes.load()
  // One waking a second for all that is only seen by looking.
  const rest = new Rest()
  const watch = setInterval(() => {
    rest.look()
    processes.look(() => {
      sessions.closeEnded()
      status.look()
    })
    notes.look()
  }, WATCH_MS)
  undo.push(() => clearInterval(watch))
  const upkeep = setInterval(() => {
    for (const mesh of meshes.all) mail.forget(mesh)
    file.checkpoint()
  }, UPKEEP_MS)
  undo.push(() => clearInterval(upkeep))
  const { version } = manifest
  return {
    paths,
    version,
    startedAt: now(),
    now,
    log,
    file,
    tokens,
    meshes,
    sessions,
    mail,
    noise,
    delivery,
    status,
    pause,
    setPause: isPaused => setPause(parts, isPaused, now()),
    ending,
    shutDown,
  }
}

interface Wiring {
  readonly sessions: Sessions
  readonly mail: Mail
  readonly noise: Noise
  readonly delivery: Delivery
  readonly status: SessionStatus
  readonly pause: Pause
}

function opened({ mail, noise, delivery, status }: Wiring, { mesh, row }: Seated): void {
  noise.forget(row.uuid)
  status.forget(row.uuid)
  if (row.kind === 'claude') delivery.opened({ uuid: row.uuid, claudeId: claudeIdOf(row) })
  mail.giveToSession(mesh)
  delivery.wake(row.uuid)
  mail.tellFollowers({ mesh, uuid: row.uuid })
}

function closed(parts: Wiring, seat: Seated): void {
  parts.status.forget(seat.row.uuid)
  if (seat.row.kind === 'claude') parts.delivery.closed(seat.row.uuid)
  parts.mail.takeBack(seat)
  giveOut(parts, seat.mesh)
}

/** The person's mail goes to a session, if one is open. */
function giveOut({ mail, delivery }: Wiring, mesh: OpenMesh): void {
  const given = mail.giveToSession(mesh)
  if (!given) return
  delivery.wake(given.row.uuid)
  mail.tellFollowers({ mesh, uuid: given.row.uuid })
}

function arrived(
  parts: Wiring,
  mesh: OpenMesh,
  uuid: string | null,
  messages: readonly InboxMessage[],
): void {
  const { sessions, mail } = parts
  mail.tellFollowers({ mesh, uuid }, messages)
  const [seat] = uuid === null ? [] : sessions.byUuid(uuid, mesh)
  if (uuid === null) giveOut(parts, mesh)
  else if (seat) drain(parts, seat, messages)
}

/** How a session stands towards its mail changed, or mail `arrived`: what is held is told, the rest goes. */
function drain(parts: Wiring, seat: Seated, arrived?: readonly InboxMessage[]): void {
  const { mail, delivery } = parts
  // Open and `closed`: its terminal went on to a background session.
  if (seat.row.status === 'closed') {
    mail.takeBack(seat)
    giveOut(parts, seat.mesh)
  } else mail.tellHeld(seat, arrived)
  if (seat.row.open) delivery.wake(seat.row.uuid)
}

/** Holds all from now on, or lets what was held go on its way. */
function setPause(parts: Wiring, isPaused: boolean, now: number): void {
  if (isPaused) parts.pause.begin(now)
  else parts.pause.end()
  for (const seat of parts.sessions.all()) if (seat.row.open) drain(parts, seat)
}
