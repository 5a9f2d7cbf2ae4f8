/** `broker`: the broker alone, configured by environment, until it is told to end. */
import { join } from 'node:path'
import type { Command } from 'commander'
import { Option } from 'commander'
import { isAlive } from '../daemon/process-identity.ts'
import { currentHome, ensurePrivateFolder, homePaths } from '../home/index.ts'
import { freePort } from '../up/free-port.ts'
import type { ProcessName } from '../up/process-end.ts'
import { reporting, reportReady } from '../up/report.ts'
import { told } from '../up/told.ts'
import { act, type CommonOptions, define } from './define.ts'

export function addBroker(program: Command): void {
  const broker = define(program, {
    usage: 'broker',
    about: 'run the broker alone; its settings come from the environment',
    examples: ['DATABASE_URL=postgres://… BROKER_PORT=7900 claudemesh broker'],
  }).addOption(new Option('--tied').hideHelp())
  act<CommonOptions & { tied?: boolean }>(
    broker,
    async (cli, options) => {
      const ended = told({ tied: options.tied === true, impatient: () => process.exit(1) })
      const running = await reporting(async () => {
        const { readSettings, restInQuiet, startBroker } = await import('@claudemesh/broker')
        const settings = readSettings(settingsOf(process.env))
        await freePort(settings.BROKER_PORT, settings.HOST, 'BROKER_PORT')
        const started = await startBroker(settings)
        restInQuiet()
        return started
      })
      reportReady({ port: running.port })
      if (cli.json) cli.object({ pid: process.pid, port: running.port })
      const reason = await ended
      await running.stop()
      if (reason === 'orphaned') endPostgres()
      process.exitCode = reason === 'SIGINT' ? 130 : 0
    },
    { ownSignals: true },
  )
}

/** Who started us also started our Postgres, and can end it no more. */
function endPostgres(): void {
  const told = process.env.CLAUDEMESH_POSTGRES
  if (told === undefined) return
  const { pid, identity } = JSON.parse(told) as ProcessName
  if (isAlive(pid, identity)) process.kill(pid, 'SIGINT')
}

/** The environment, with the key under the home where it names none. */
function settingsOf(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  if (env.BROKER_KEY || env.BROKER_KEY_FILE) return env
  const folder = homePaths(currentHome()).broker
  ensurePrivateFolder(folder)
  return { ...env, BROKER_KEY_FILE: join(folder, 'broker.key') }
}
