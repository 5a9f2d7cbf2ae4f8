/** One person's machine: a real daemon in a home of its own, and somebody who reads each of its mailboxes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { HistoryEvent } from '@claudemesh/simulation'
import { claudemesh, Disk, makeScratchHome, type ScratchHome } from '@claudemesh/testkit'
import { callDaemon, followDaemon, type InboxMessage, type MeshInfo, type SendReply } from 'claudemesh'
import { Victim } from './process.ts'
import { Session } from './session.ts'

/** `uuid` is `null` for the person's. */
export interface Mailbox {
  readonly uuid: string | null
  /** Its `recipientKey`. */
  readonly key: string
  /** What others write to. */
  readonly address: string
}

export interface Sending {
  readonly from: Mailbox
  readonly to: readonly Mailbox[]
  readonly priority: 'now' | 'next' | 'low'
  readonly ttlMs: number
  readonly wait: 'none' | 'accepted' | 'delivered'
}

/** More than any run sends: nothing is refused or held for being many. */
const PLENTY = {
  inbox: 100_000,
  inboxMember: 100_000,
  pairBurst: 10_000,
  pairMinute: 60_000,
  threadBurst: 10_000,
  threadMinute: 60_000,
  loop: 1000,
}
const WAIT_MS = 3000
/** Far more than the home of a run holds. */
const HOME_BYTES = 64 << 20

const CLOCK = fileURLToPath(import.meta.resolve('./skewed-clock.ts'))

export class Machine {
  readonly name: string
  readonly victim = new Victim()
  readonly at: ScratchHome = makeScratchHome('http://127.0.0.1:1')
  readonly #home = join(this.at.root, 'm')
  /** Under its home, for nothing else. */
  readonly disk = new Disk(this.#home, HOME_BYTES)
  /** Holds by how much its clock is off: see `skewed-clock.ts`. */
  readonly #clock = join(this.at.root, 'clock')
  readonly #record: (event: HistoryEvent) => void
  #child: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()
  #isKilled = false
  /** Messages that any reader was shown. */
  readonly #shown = new Set<string>()
  member = ''
  mailboxes: Mailbox[] = []
  readonly sessions: Session[] = []
  /** Messages whose row the daemon confirmed, oldest first. */
  readonly confirmed: { readonly msg: string; readonly sending: Sending }[] = []

  /** `env`: further environment of its daemon. */
  constructor(name: string, record: (event: HistoryEvent) => void, env: Readonly<Record<string, string>>) {
    this.name = name
    this.#record = record
    writeFileSync(this.#clock, new Float64Array([0]))
    const options = [`--preload=${CLOCK}`, ...(env.BUN_OPTIONS === undefined ? [] : [env.BUN_OPTIONS])]
    Object.assign(this.at.env, {
      CLAUDEMESH_HOME: this.#home,
      NO_COLOR: '1',
      ...env,
      CHAOS_CLOCK: this.#clock,
      BUN_OPTIONS: options.join(' '),
    })
  }

  /** By how much the clock of its daemon is off, from now on. */
  set skewMs(ms: number) {
    writeFileSync(this.#clock, new Float64Array([ms]), { flag: 'r+' })
  }

  /** Its SQLite file. */
  get store(): string {
    return join(this.#home, 'daemon.sqlite')
  }
  get log(): string {
    return join(this.#home, 'logs', 'daemon.log')
  }

  /** Resolves when its daemon answers. */
  async start(): Promise<void> {
    const [command, ...args] = claudemesh('daemon', 'run', '--json')
    const child = spawn(command!, args, {
      cwd: this.at.cwd,
      env: this.at.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#isKilled = false
    let said = ''
    child.stderr.on('data', chunk => (said += chunk))
    this.#ended = new Promise(resolve =>
      child.once('close', code => {
        if (!this.#isKilled)
          this.#record({ type: 'broke', what: `the daemon of ${this.name} ended with ${code}: ${said}` })
        resolve()
      }),
    )
    const lines = createInterface(child.stdout)
    await Promise.race([
      new Promise<void>(resolve => lines.once('line', () => resolve())),
      this.#ended.then(() => Promise.reject(new Error(`the daemon of ${this.name} did not start: ${said}`))),
    ])
    for (const box of this.mailboxes) void this.#read(box)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Resolves when its daemon is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#isKilled = true
    this.signal(signal)
    await this.#ended
  }

  async found(broker: string): Promise<void> {
    const body = { name: 'home', broker, memberName: this.name }
    this.member = ((await this.call('createMesh', { body })) as MeshInfo).member
  }
  async invite(uses: number): Promise<string> {
    return ((await this.call('createInvite', { body: { uses } })) as { link: string }).link
  }
  async join(link: string): Promise<void> {
    this.member = (
      (await this.call('join', { body: { link, name: this.name } })) as { member: string }
    ).member
  }

  /** Opens the mailboxes of the person and of so many sessions, and reads them from now on. */
  async open(sessions: number): Promise<void> {
    await this.call('setLimits', { body: PLENTY })
    this.mailboxes = [{ uuid: null, key: `${this.member}/`, address: this.name }]
    for (let i = 0; i < sessions; i++) {
      const uuid = randomUUID()
      const body = { uuid, name: `s${i}`, kind: 'claude' }
      const { session, tokenFile } = (await this.call('openSession', { body })) as {
        session: string
        tokenFile: string
      }
      const key = `${this.member}/${session}`
      this.mailboxes.push({ uuid, key, address: uuid })
      const shown = (msg: string) => this.#record({ type: 'shown', to: key, msg })
      this.sessions.push(new Session({ uuid, home: this.#home, tokenFile, shown }))
    }
    for (const box of this.mailboxes) void this.#read(box)
  }

  /** As a person or script does: what the daemon confirms is noted as promised, and so is what it says of each recipient. */
  async send(sending: Sending): Promise<void> {
    const { from, to, priority, ttlMs, wait } = sending
    const body = {
      ...(from.uuid === null ? {} : { as: from.uuid }),
      to: to.map(({ address }) => address),
      text: 'x'.repeat(64),
      priority,
      ttlMs,
      wait,
      timeoutMs: WAIT_MS,
    }
    const { id: msg, recipients } = (await this.call('send', { body })) as SendReply
    this.confirmed.push({ msg, sending })
    for (const { session, state, why } of recipients) {
      const box = to.find(({ key }) => (session === null ? key.endsWith('/') : key.endsWith(`/${session}`)))
      if (box && to.length === 1) this.#record({ type: 'told', from: from.key, to: box.key, msg, state, why })
    }
  }

  call(name: Parameters<typeof callDaemon>[0], request: Parameters<typeof callDaemon>[1]): Promise<unknown> {
    return callDaemon(name, { ...request, home: this.#home })
  }

  /** Until the daemon ends: every reader begins at the first message. */
  async #read({ uuid, key }: Mailbox): Promise<void> {
    const seen = new Set<string>()
    const query = { all: true, peek: true, follow: true, ...(uuid === null ? {} : { as: uuid }) }
    try {
      for await (const line of await followDaemon('inbox', { home: this.#home, query })) {
        const { id: msg, late, note } = line as InboxMessage
        if (note) continue
        const place = `${key} ${msg}`
        if (!seen.has(msg) && this.#shown.has(place)) {
          seen.add(msg)
          continue
        }
        seen.add(msg)
        this.#shown.add(place)
        this.#record({ type: 'released', to: key, from: '', msg, late })
      }
    } catch {
      // The daemon was killed: the next one is read from the beginning.
    }
  }

  /** For a run that is ended hard. */
  kill(): void {
    this.#isKilled = true
    this.signal('SIGKILL')
    this.disk.unmount()
    this.at.remove()
  }

  async close(): Promise<void> {
    for (const session of this.sessions) session.end()
    await this.end('SIGKILL')
    this.disk.unmount()
    this.at.remove()
  }
}
