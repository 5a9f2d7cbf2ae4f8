/** What most tests of live sessions begin with: alice and bob in one mesh, each on a machine with the real client, and a real broker. */
import { spawn } from 'node:child_process'
import {
  type BrokerProcess,
  claudeForTests,
  type Finished,
  freshDatabase,
  type Machine,
  type ModelStub,
  makeMachine,
  openTerminal,
  startBrokerProcess,
  startModelStub,
  stopSharedPostgres,
  type Terminal,
} from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import { callDaemon, type DaemonRequest } from '../../src/api/client.ts'
import type { RouteName } from '../../src/api/routes.ts'
import { homePaths } from '../../src/home/index.ts'

/** The real client, or `undefined` where the tests that need it are skipped. */
export const claude = claudeForTests()
if (claude === undefined) console.warn('skipped: no real claude (set CLAUDE_BIN or put claude on PATH)')

export interface TwoPeople {
  readonly model: ModelStub
  readonly databaseUrl: string
  readonly broker: BrokerProcess
  readonly alice: Machine
  readonly bob: Machine
}

/** Registers what sets them up before the tests of this `describe` and takes them down behind it; not to be read before. */
export function twoPeople(): TwoPeople {
  const model = startModelStub()
  let database: Awaited<ReturnType<typeof freshDatabase>>
  let broker: BrokerProcess
  let alice: Machine
  let bob: Machine
  beforeAll(async () => {
    database = await freshDatabase()
    broker = await startBrokerProcess(database.url)
    const env = { CLAUDE_BIN: claude! }
    ;[alice, bob] = await Promise.all([makeMachine(model.url, env), makeMachine(model.url, env)])
    await alice.json('mesh', 'create', 'home', '--broker', broker.url, '--as-name', 'alice')
    const [invite] = await alice.json<{ link: string }>('invite')
    await bob.json('join', invite!.link, '--name', 'bob', '-y')
  })
  afterAll(async () => {
    await Promise.all([alice?.close(), bob?.close()])
    await broker?.close()
    await database?.drop()
    await stopSharedPostgres()
    await model.close()
  })
  return {
    model,
    get databaseUrl() {
      return database.url
    },
    get broker() {
      return broker
    },
    get alice() {
      return alice
    },
    get bob() {
      return bob
    },
  }
}

/** Launches a headless client as a session of this name, ended with the test; resolves when that is attached. */
export async function headlessOn(machine: Machine, name: string): Promise<void> {
  const [bun, ...args] = machine.command('launch', '-y', '--headless', '--name', name)
  const launch = spawn(bun!, args, {
    cwd: machine.cwd,
    env: machine.env,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const ended = new Promise(resolve => launch.on('exit', resolve))
  onTestFinished(async () => {
    launch.kill('SIGTERM')
    await ended
  })
  await expect
    .poll(() => ask<object[]>(machine, 'sessions'), { timeout: 45_000 })
    .toContainEqual(expect.objectContaining({ name, open: true, attached: true }))
}

/** Launches the client as a session on a terminal; resolves when it takes input. Close it. */
export async function launchOn(machine: Machine, ...args: string[]): Promise<Terminal> {
  const command = machine.command('launch', '-y', ...args, '--', '--permission-mode', 'manual')
  const terminal = openTerminal(machine, command)
  await terminal.shows(/manual mode on/)
  return terminal
}

/** Runs one prompt of these lines as a session without a terminal, to its end. */
export const promptOn = (machine: Machine, script: readonly string[], ...args: string[]): Promise<Finished> =>
  machine.cli('launch', '-y', ...args, '--', '-p', script.join('\n'))

/** Asks the machine's daemon as its user, without the 100 ms of a process. Throws what the daemon answers. */
export async function ask<T>(machine: Machine, route: RouteName, request: DaemonRequest = {}): Promise<T> {
  const { home, token } = homePaths(machine.mesh)
  return (await callDaemon(route, { ...request, home, token: (await Bun.file(token).text()).trim() })) as T
}
