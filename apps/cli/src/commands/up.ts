/** `up` and `down`: the whole thing on one machine, with one command and gone with one key. */
import { join } from 'node:path'
import { MeshError } from '@claudemesh/protocol/errors'
import type { Command } from 'commander'
import { Option } from 'commander'
import { ensurePrivateFolder, homePaths } from '../home/index.ts'
import type { Cli } from '../output/cli.ts'
import { harmlessLine } from '../output/harmless.ts'
import { progressOn } from '../output/progress.ts'
import { dataPaths, openData } from '../up/data-folder.ts'
import { howToType } from '../up/how-to-type.ts'
import { endProcess } from '../up/process-end.ts'
import { reporting, reportReady } from '../up/report.ts'
import { release, spawnSelf } from '../up/spawn-self.ts'
import type { Up, UpFacts, UpPlan } from '../up/supervise.ts'
import { told } from '../up/told.ts'
import { readState, runningUp } from '../up/up-state.ts'
import { act, type CommonOptions, define } from './define.ts'
import { whole } from './durations.ts'

/** Daemon and broker in order, each within its own limit. */
const DOWN_MS = 40_000

interface UpOptions extends CommonOptions {
  port?: number
  host?: string
  data?: string
  databaseUrl?: string
  detach?: boolean
  background?: boolean
}

export function addUp(program: Command): void {
  const up = define(program, {
    usage: 'up',
    about: 'start the whole thing on this machine: broker, database, daemon, a first mesh',
    examples: ['claudemesh up', 'claudemesh up --detach', 'claudemesh up --port 7901 --data ~/mesh-data'],
  })
    .option('--port <n>', 'port of the broker (default: the one it had, else 7900; 0: any)', whole(0, 65_535))
    .option('--host <name>', 'let other machines in, which reach this one under this name or address')
    .option('--data <dir>', 'folder of the broker and its database (default: broker/ in the home)')
    .option('--database-url <url>', 'a Postgres of your own instead of the embedded one')
    .option('--detach', 'answer when it is ready and leave it running; `down` ends it')
    .addOption(new Option('--background').hideHelp())
  act<UpOptions>(up, runUp, { ownSignals: true })

  const down = define(program, {
    usage: 'down',
    about: 'end what `up` started; answers when it is gone',
    examples: ['claudemesh down'],
  }).option('--data <dir>', 'the folder `up` was given')
  act<CommonOptions & { data?: string }>(down, async (cli, options) => {
    const running = runningUp(readState(dataPaths(options.data ?? homePaths(cli.home).broker).state))
    if (running !== null) await endProcess(running.supervisor, { signal: 'SIGTERM', ms: DOWN_MS })
    if (cli.json) return cli.object({ stopped: running !== null })
    cli.line(running === null ? 'It was not running.' : 'Down.')
  })
}

async function runUp(cli: Cli, options: UpOptions): Promise<void> {
  const { factsOfRunning, superviseUp } = await import('../up/supervise.ts')
  const plan: UpPlan = {
    home: cli.home,
    data: options.data ?? homePaths(cli.home).broker,
    port: options.port,
    host: options.host,
    databaseUrl: options.databaseUrl,
  }
  ensurePrivateFolder(plan.home)
  const data = openData(plan.data)
  const standing = runningUp(readState(data.state))
  if (standing !== null) {
    if (options.background === true) throw new MeshError('already-running', 'claudemesh is already up.')
    return show(cli, await factsOfRunning(data, standing, cli.ask), 'is already up')
  }
  if (options.detach === true) return show(cli, await detach(cli, options), 'is up, in the background')

  let running: Up | undefined
  const end = told({
    tied: false,
    impatient: () => {
      running?.kill()
      process.exit(130)
    },
  })
  const early = new AbortController()
  void end.then(() => early.abort())
  const progress = progressOn(process.stderr, !cli.json)
  const say = { progress: progress.line, note: (line: string) => cli.note(`claudemesh: ${line}`) }
  try {
    running = await reporting(() => superviseUp(plan, cli.ask, say, early.signal)).finally(progress.end)
    reportReady(running.facts)
    // In the background stdout is a log file, and an invite link stands in no file.
    if (options.background !== true) show(cli, running.facts, 'is up')
  } catch (error) {
    // Told to end while it was starting: what had started is down again.
    if (!early.signal.aborted) throw error
  }
  const reason = await end
  if (running !== undefined && process.stderr.isTTY && !cli.json)
    cli.note('\nEnding: daemon, broker, Postgres.')
  await running?.stop()
  process.exitCode = reason === 'SIGINT' ? 130 : 0
}

/** The same command once more, on its own; what it reports when it is ready. */
async function detach(cli: Cli, options: UpOptions): Promise<UpFacts> {
  const given = [
    ['--port', options.port],
    ['--host', options.host],
    ['--data', options.data],
    ['--database-url', options.databaseUrl],
  ] as const
  const words = given.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]))
  const background = spawnSelf(['up', '--background', ...words], {
    log: join(homePaths(cli.home).logs, 'up.log'),
    tied: false,
    env: { CLAUDEMESH_HOME: cli.home },
    cwd: process.cwd(),
  })
  const progress = progressOn(process.stderr, !cli.json)
  progress.line('Starting')
  try {
    return (await background.ready) as UpFacts
  } finally {
    progress.end()
    release(background)
  }
}

function show(cli: Cli, facts: UpFacts, how: string): void {
  if (cli.json) {
    cli.object(facts)
    return
  }
  const self = howToType()
  const row = (name: string, value: string) => cli.line(`  ${cli.paint('dim', name.padEnd(8))}${value}`)
  cli.line(`\n${cli.paint(['bold', 'green'], 'claudemesh')} ${how}\n`)
  row('broker', facts.broker)
  row('mesh', harmlessLine(facts.mesh))
  row('home', facts.home)
  if (facts.invite !== null) {
    row('invite', cli.paint('cyan', facts.invite))
    row('', cli.paint('dim', 'lets one member in, for 24 h; the next `up` makes a new one'))
  }
  cli.line(`\nStart a session:  ${cli.paint('bold', `${self} launch --name api`)}`)
  if (facts.invite !== null)
    cli.line(
      `Let a peer in:    ${cli.paint('bold', `${self} join '<invite link>'`)}  (another machine, or another CLAUDEMESH_HOME)`,
    )
  cli.line(
    how === 'is up'
      ? `\nCtrl-C ends everything.\n`
      : `End it:           ${cli.paint('bold', `${self} down`)}\n`,
  )
}
