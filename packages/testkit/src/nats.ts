/** A real nats-server for tests: core NATS on a free loopback port, which it keeps when it is killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Where nats-server lies; `null` where this machine has none: then tests that need it are skipped by name. */
export const NATS_SERVER: string | null = Bun.which('nats-server')

export interface NatsServer {
  /** `nats://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string
  /** Ends it at once; resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again where it was; resolves when it listens. */
  start(): Promise<void>
}

/** Starts a server; `kill` it when the test is over. Throws where there is none on PATH. */
export async function startNats(): Promise<NatsServer> {
  if (NATS_SERVER === null) throw new Error('nats-server is not on PATH')
  const program = NATS_SERVER
  let port = -1
  let child: ChildProcess | undefined
  let ended: Promise<void> = Promise.resolve()
  const last = () => child?.kill('SIGKILL')

  async function start(): Promise<void> {
    const started = spawn(program, ['-a', '127.0.0.1', '-p', String(port)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child = started
    ended = new Promise(resolve => started.once('close', () => resolve()))
    port = await new Promise<number>((resolve, reject) => {
      let said = ''
      createInterface(started.stderr).on('line', line => {
        said += `${line}\n`
        const found = /Listening for client connections on \S+:(\d+)/.exec(line)?.[1]
        if (found !== undefined) resolve(Number(found))
      })
      started.once('close', code => reject(new Error(`nats-server ended with ${code}:\n${said}`)))
    })
  }

  process.once('exit', last)
  await start()
  return {
    url: `nats://127.0.0.1:${port}`,
    async kill() {
      child?.kill('SIGKILL')
      await ended
    },
    start,
  }
}
