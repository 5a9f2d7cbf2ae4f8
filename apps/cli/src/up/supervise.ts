/** `up`: everything on one machine, started in order, kept going, taken down in order. Nothing it starts outlives it. */
import { join } from 'node:path'
import { MeshError } from '@claudemesh/protocol/errors'
import { callDaemon } from '../api/client.ts'
import { takeLock } from '../daemon/lock.ts'
import { processIdentity } from '../daemon/process-identity.ts'
import { ensurePrivateFolder, homePaths, openToken } from '../home/index.ts'
import type { Cli } from '../output/cli.ts'
import { boundLogs } from './bounded-log.ts'
import { type DataPaths, openData } from './data-folder.ts'
import { firstMesh, freshInvite, knownAs } from './first-mesh.ts'
import { freePort } from './free-port.ts'
import { startEngine, startTiedDaemon } from './lives.ts'
import { keep, type Part } from './part.ts'
import { endProcess, type ProcessName } from './process-end.ts'
import { readState, type UpState, writeState } from './up-state.ts'

const DEFAULT_PORT = 7900
/** What a killed `up` leaves behind ends by itself; longer than this it is helped. */
const LEFTOVER_MS = 12_000

export interface UpPlan {
  readonly home: string
  readonly data: string
  /** Default: the port of the start before, else 7900. 0: any free one. */
  readonly port: number | undefined
  /** Name or address under which other machines reach this one. */
  readonly host: string | undefined
  readonly databaseUrl: string | undefined
}

/** What `up` tells: the stable fields of `--json`. `invite` is null where this user may not invite. */
export interface UpFacts {
  readonly broker: string
  readonly mesh: string
  readonly invite: string | null
  readonly home: string
}

export interface Up {
  readonly facts: UpFacts
  /** Daemon, broker, Postgres, one after the other. */
  stop(): Promise<void>
  /** At once. */
  kill(): void
}

/**
 * Starts it all. `progress` is told what is under way, `note` what went wrong and was mended, for as long as it runs.
 * `signal` stops it between two steps. Throws its reason, `already-running` while another `up` holds the folder, `conflict` for a taken port or a folder of others, `forbidden`.
 */
export async function superviseUp(
  plan: UpPlan,
  ask: Cli['ask'],
  say: { progress: (line: string) => void; note: (line: string) => void },
  signal: AbortSignal,
): Promise<Up> {
  const { logs } = homePaths(plan.home)
  ensurePrivateFolder(logs)
  const data = openData(plan.data)
  const lock = takeLock(data.lock)
  const parts: Part[] = []
  const leaveLogs = boundLogs(['broker.log', 'postgres.log', 'daemon.out'].map(name => join(logs, name)))
  const stop = async () => {
    leaveLogs()
    for (const part of parts.toReversed()) await part.stop()
    const state = readState(data.state)
    if (state !== undefined) writeState(data.state, { ...state, running: null })
    lock.release()
  }
  try {
    const before = readState(data.state)
    if (before?.running) await clearLeftovers(before.running.children)
    const where = await whereToListen(plan, before)
    const children = new Map<string, ProcessName>()
    const remember = (name: string) => (child: ProcessName) => {
      children.set(name, child)
      const state = readState(data.state)
      if (state?.running)
        writeState(data.state, { ...state, running: { ...state.running, children: [...children.values()] } })
    }
    say.progress(plan.databaseUrl === undefined ? 'Starting Postgres and the broker' : 'Starting the broker')
    const foundersToken = where.host === null ? null : openToken(data.foundersToken)
    const engine = { home: plan.home, data, ...where, databaseUrl: plan.databaseUrl ?? null, foundersToken }
    parts.push(await keep('The broker', () => startEngine(engine, remember('broker')), say.note))
    signal.throwIfAborted()
    say.progress('Starting the daemon')
    if (!(await daemonRuns(plan.home)))
      parts.push(await keep('The daemon', () => startTiedDaemon(plan.home, remember('daemon')), say.note))
    signal.throwIfAborted()
    say.progress('Opening the mesh')
    const broker = `http://${where.host ?? '127.0.0.1'}:${where.port}`
    const found = await firstMesh(ask, broker, foundersToken)
    const mesh = where.host === null ? found : await knownAs(ask, found, broker, say.note)
    const invite = await freshInvite(ask, mesh, before?.invite ?? null)
    writeState(data.state, {
      ...where,
      invite: invite === undefined ? null : { mesh: mesh.id, id: invite.id },
      running: {
        supervisor: ourselves(),
        broker,
        mesh: mesh.name,
        home: plan.home,
        children: [...children.values()],
      },
    })
    return {
      facts: { broker, mesh: mesh.name, invite: invite?.link ?? null, home: plan.home },
      stop,
      kill: () => {
        for (const part of parts) part.kill()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What another `up` on this folder would print, with an invite made now: links are kept nowhere. */
export async function factsOfRunning(
  data: DataPaths,
  running: NonNullable<UpState['running']>,
  ask: Cli['ask'],
): Promise<UpFacts> {
  const state = readState(data.state)
  const mesh = await firstMesh(ask, running.broker, null)
  const invite = await freshInvite(ask, mesh, state?.invite ?? null)
  if (state !== undefined && invite !== undefined)
    writeState(data.state, { ...state, invite: { mesh: mesh.id, id: invite.id } })
  return { broker: running.broker, mesh: mesh.name, invite: invite?.link ?? null, home: running.home }
}

/** They watch us die and end by themselves (told.ts); what hangs is ended. */
async function clearLeftovers(children: readonly ProcessName[]): Promise<void> {
  await Promise.all(children.map(child => endProcess(child, { signal: 'SIGTERM', ms: LEFTOVER_MS })))
}

async function whereToListen(
  plan: UpPlan,
  before: UpState | undefined,
): Promise<{ port: number; host: string | null }> {
  const host = plan.host ?? before?.host ?? null
  if (before !== undefined && plan.port !== undefined && plan.port !== 0 && plan.port !== before.port)
    throw new MeshError(
      'conflict',
      `The meshes of this data folder know their broker at port ${before.port}: start it there, or name another folder with --data.`,
      { field: 'port' },
    )
  const asked = before?.port ?? plan.port ?? DEFAULT_PORT
  return { port: await freePort(asked, host === null ? '127.0.0.1' : '0.0.0.0', '--port'), host }
}

async function daemonRuns(home: string): Promise<boolean> {
  try {
    await callDaemon('status', { home })
    return true
  } catch (error) {
    if (error instanceof MeshError && error.facts?.daemon === 'absent') return false
    throw error
  }
}

function ourselves(): ProcessName {
  const identity = processIdentity(process.pid)
  if (identity === undefined)
    throw new MeshError('internal', 'The start time of this process cannot be read.')
  return { pid: process.pid, identity }
}
