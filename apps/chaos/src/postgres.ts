/** A real Postgres that is killed, stopped and restarted, and whose connections can be taken away. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@claudemesh/db'
import { Disk, freePort } from '@claudemesh/testkit'
import { SQL } from 'bun'
import { Victim } from './process.ts'

/** `max_connections` of the embedded server, and as many of them as brokers are deprived of, at least. */
const MOST_CONNECTIONS = 100
const TAKEN_BACK = 10
/** Holds an empty server, its log, and some more. */
const DISK_BYTES = 512 << 20

export class Postgres {
  readonly victim = new Victim()
  readonly #root = mkdtempSync(join(tmpdir(), 'cm-chaos-'))
  readonly disk = new Disk(join(this.#root, 'disk'), DISK_BYTES)
  readonly #port: number
  #server: EmbeddedPostgres | undefined

  private constructor(port: number) {
    this.#port = port
  }

  static async start(): Promise<Postgres> {
    const postgres = new Postgres(await freePort())
    await postgres.start()
    return postgres
  }

  get url(): string {
    return this.#server!.url
  }

  async start(): Promise<void> {
    this.#server = await startEmbeddedPostgres({
      dataDir: join(this.#root, 'disk', 'postgres'),
      port: this.#port,
    })
  }

  /** `SIGKILL`: all is lost that is not on disk. `SIGQUIT`: immediate shutdown, it recovers as after a crash. `SIGINT`: fast shutdown. */
  async end(signal: 'SIGKILL' | 'SIGQUIT' | 'SIGINT'): Promise<void> {
    this.#server?.kill(signal)
    await this.#server?.stop()
  }

  /** Its disk is free again. A server that ended for want of room is started, as by whoever supervises it. */
  async makeRoom(): Promise<void> {
    this.disk.free()
    if (titleOf(this.#server!.pid) === '') await this.start()
  }

  /** As on a slow disk: every flush of the log waits for `ms` (at most 100) before it begins. A server that recovers stays as it is. */
  async slowDown(ms: number): Promise<void> {
    const db = new SQL({ url: this.url, max: 1, onclose: () => {} })
    try {
      // From so many other transactions under way on it would wait by itself.
      await db.unsafe('alter system set commit_siblings = 0')
      await db.unsafe(`alter system set commit_delay = ${ms * 1000}`)
      await db.unsafe('select pg_reload_conf()')
    } catch (error) {
      if (!(error instanceof SQL.SQLError)) throw error
    } finally {
      await db.close({ timeout: 0 })
    }
  }

  /** For a run that is ended hard. */
  kill(): void {
    this.#server?.kill('SIGKILL')
    this.disk.unmount()
    rmSync(this.#root, { recursive: true, force: true })
  }

  /** `SIGSTOP` and `SIGCONT` to the server and all its backends. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this.#server!
    for (const each of [pid, ...childrenOf(pid)]) sendSignal(each, signal)
  }

  /** One backend dies by kill -9: the server ends all others and recovers by itself. */
  killBackend(place: number): void {
    const backends = childrenOf(this.#server!.pid).filter(pid => titleOf(pid).includes('claudemesh'))
    const pid = backends[place % backends.length]
    if (pid !== undefined) sendSignal(pid, 'SIGKILL')
  }

  /** Takes every connection that is left and ends those of the brokers; answers how to give them back. A server that recovers has none to take. */
  async exhaust(): Promise<() => Promise<void>> {
    const taken: SQL[] = []
    const hold = async (): Promise<void> => {
      const one = new SQL({ url: this.url, max: 1, onclose: () => {} })
      taken.push(one)
      await one.unsafe('select 1')
    }
    await Promise.allSettled(Array.from({ length: MOST_CONNECTIONS }, hold))
    await taken[0]!
      .unsafe(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'claudemesh%'`,
      )
      .then(
        () => Promise.allSettled(Array.from({ length: TAKEN_BACK }, hold)),
        () => {},
      )
    return async () => {
      await Promise.allSettled(taken.map(each => each.close({ timeout: 0 })))
    }
  }

  async close(): Promise<void> {
    await this.end('SIGINT')
    this.disk.unmount()
    rmSync(this.#root, { recursive: true, force: true })
  }
}

const childrenOf = (pid: number): number[] =>
  readIfThere(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)

const titleOf = (pid: number): string => readIfThere(`/proc/${pid}/cmdline`)

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Who is gone already needs no signal. */
function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
