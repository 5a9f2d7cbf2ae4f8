/** A broker as a process of its own on a given Postgres: can be killed and comes back on its port, with its key. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'
import { claudemesh } from './run-self.ts'

export interface BrokerProcess {
  /** `http://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string
  readonly pid: number
  /** Everything it has written to stdout and stderr. */
  log(): string
  /** Sends the signal and resolves when the process is gone. */
  end(signal: NodeJS.Signals): Promise<void>
  /** Starts it again where it was; resolves when it listens. */
  start(): Promise<void>
  /** Ends it and removes its key. */
  close(): Promise<void>
}

/** Starts a broker on a free loopback port; resolves when it listens. `settings`: further environment, as README names it. */
export async function startBrokerProcess(
  databaseUrl: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<BrokerProcess> {
  const root = mkdtempSync(join(tmpdir(), 'cm-broker-'))
  let log = ''
  let port = await freePort()
  let child: ChildProcess | undefined
  let ended: Promise<void> = Promise.resolve()

  async function start(): Promise<void> {
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: root,
      CLAUDEMESH_HOME: join(root, 'home'),
      DATABASE_URL: databaseUrl,
      BROKER_KEY_FILE: join(root, 'broker.key'),
      BROKER_PORT: String(port),
      ...settings,
    }
    const [command, ...args] = claudemesh('broker', '--json')
    const started = spawn(command!, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    child = started
    ended = new Promise(resolve => started.once('close', () => resolve()))
    started.stderr.on('data', chunk => {
      log += chunk
    })
    const ready = new Promise<number>((resolve, reject) => {
      createInterface(started.stdout).on('line', line => {
        log += `${line}\n`
        const said = line.startsWith('{"pid":') ? JSON.parse(line) : undefined
        if (said?.pid === started.pid) resolve(said.port)
      })
      started.once('close', code => reject(new Error(`the broker ended with ${code}:\n${log}`)))
    })
    port = await ready
  }

  await start()
  const end = (signal: NodeJS.Signals): Promise<void> => {
    child?.kill(signal)
    return ended
  }
  return {
    url: `http://127.0.0.1:${port}`,
    get pid() {
      return child!.pid!
    },
    log: () => log,
    end,
    start,
    async close() {
      await end('SIGTERM')
      rmSync(root, { recursive: true, force: true })
    },
  }
}
