/** `daemon`: the one process of a user that holds keys and broker sockets. */
import { MeshError } from '@claudemesh/protocol/errors'
import type { Command } from 'commander'
import { Option } from 'commander'
import { z } from 'zod'
import { callDaemon } from '../api/client.ts'
import { statusReply } from '../api/schema.ts'
import { processIdentity } from '../daemon/process-identity.ts'
import { homePaths } from '../home/index.ts'
import { harmless } from '../output/harmless.ts'
import { relative } from '../output/times.ts'
import { endProcess } from '../up/process-end.ts'
import { reporting, reportReady } from '../up/report.ts'
import { removeService, writeService } from '../up/service-file.ts'
import { startDaemon } from '../up/start-daemon.ts'
import { tail } from '../up/tail.ts'
import { told } from '../up/told.ts'
import { act, type CommonOptions, define, group } from './define.ts'
import { whole } from './durations.ts'

const STOP_MS = 12_000

export function addDaemon(program: Command): void {
  const daemon = group(
    program,
    'daemon',
    'run, start, stop and look at the daemon',
    'claudemesh daemon status',
  )
  addRun(daemon)
  addLife(daemon)
  addLogs(daemon)
  addService(daemon)
}

function addRun(daemon: Command): void {
  const run = define(daemon, {
    usage: 'run',
    about: 'run the daemon here, in the foreground',
    examples: ['claudemesh daemon run'],
  }).addOption(new Option('--tied').hideHelp())
  act<CommonOptions & { tied?: boolean }>(
    run,
    async (cli, options) => {
      const ended = told({ tied: options.tied === true, impatient: () => process.exit(1) })
      const running = await reporting(async () => {
        const { runDaemon } = await import('../daemon/index.ts')
        return runDaemon({ home: cli.home })
      })
      reportReady({ socket: running.socket })
      if (cli.json) cli.object({ pid: process.pid, socket: running.socket })
      else cli.note(`The daemon runs (process ${process.pid}); Ctrl-C ends it.`)
      const reason = await Promise.race([ended, running.stopped])
      await running.stop()
      process.exitCode = reason === 'SIGINT' ? 130 : 0
    },
    { ownSignals: true },
  )
}

function addLife(daemon: Command): void {
  act(
    define(daemon, {
      usage: 'start',
      about: 'start it in the background; answers when it is ready',
      examples: ['claudemesh daemon start'],
    }),
    async cli => {
      const before = await running(cli.home)
      if (before === undefined) await startDaemon(cli.home)
      const now = statusReply.parse(await callDaemon('status', { home: cli.home }))
      if (cli.json) return cli.object({ pid: now.pid, started: before === undefined })
      cli.line(
        before === undefined ? `Started (process ${now.pid}).` : `Already running (process ${now.pid}).`,
      )
    },
  )

  act(
    define(daemon, {
      usage: 'stop',
      about: 'stop it; answers when it is gone',
      examples: ['claudemesh daemon stop'],
    }),
    async cli => {
      const found = await running(cli.home)
      if (found !== undefined) {
        const identity = processIdentity(found.pid)
        await callDaemon('shutdown', { home: cli.home, ...(await userToken(cli.home)) })
        if (identity !== undefined)
          await endProcess({ pid: found.pid, identity }, { signal: null, ms: STOP_MS })
      }
      if (cli.json) return cli.object({ stopped: found !== undefined })
      cli.line(found === undefined ? 'It was not running.' : 'Stopped.')
    },
  )

  act(
    define(daemon, {
      usage: 'status',
      about: 'whether it runs; exit code 3 if not',
      examples: ['claudemesh daemon status --json'],
    }),
    async cli => {
      const found = await running(cli.home)
      if (cli.json) cli.object(found ?? { running: false })
      if (found === undefined)
        throw new MeshError('unreachable', 'The daemon is not running. Start it: `claudemesh daemon start`.')
      cli.line(
        `Running: process ${found.pid}, version ${found.version}, started ${relative(found.startedAt, Date.now())}`,
      )
      cli.line(`Home: ${found.home}`)
    },
  )
}

function addLogs(daemon: Command): void {
  const logs = define(daemon, {
    usage: 'logs',
    about: 'what it has written down',
    examples: ['claudemesh daemon logs -n 50 -f'],
  })
    .option('-f, --follow', 'stay, and show what comes')
    .option('-n, --lines <n>', 'how many of the last lines', whole(0, 100_000), 100)
  act<CommonOptions & { follow?: boolean; lines: number }>(logs, async (cli, options) => {
    for await (const line of tail(homePaths(cli.home).log, {
      lines: options.lines,
      follow: options.follow === true,
    }))
      process.stdout.write(`${cli.json ? line : harmless(line)}\n`)
  })
}

function addService(daemon: Command): void {
  act(
    define(daemon, {
      usage: 'install',
      about: 'write the file that starts it at login (systemd user unit, launchd agent)',
      examples: ['claudemesh daemon install'],
    }),
    async cli => {
      const { file, next } = writeService(cli.home)
      if (cli.json) return cli.object({ file, next })
      cli.line(`Written: ${file}`)
      cli.line(`Turn it on: ${next}`)
    },
  )

  act(
    define(daemon, {
      usage: 'uninstall',
      about: 'remove that file',
      examples: ['claudemesh daemon uninstall'],
    }),
    async cli => {
      const { file, removed, next } = removeService()
      if (cli.json) return cli.object({ file, removed, next })
      cli.line(removed ? `Removed: ${file}\nTurn it off: ${next}` : `There was none: ${file}`)
    },
  )
}

/** What the running daemon says of itself; `undefined` where none runs. */
async function running(home: string): Promise<z.output<typeof statusReply> | undefined> {
  try {
    return statusReply.parse(await callDaemon('status', { home }))
  } catch (error) {
    if (error instanceof MeshError && error.facts?.daemon === 'absent') return undefined
    throw error
  }
}

/** Stopping is the user's to do, also from inside a launched session. */
async function userToken(home: string): Promise<{ token: string }> {
  return { token: z.string().parse((await Bun.file(homePaths(home).token).text()).trim()) }
}
