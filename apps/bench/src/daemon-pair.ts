/** Two daemons that write to each other as their users do: from the call that sends to the line in the other's inbox, keys and disks and all. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Machine, makeMachine } from '@claudemesh/testkit'
import { cpuTime } from './cpu-time.ts'
import type { Case } from './report.ts'
import { type Stack, startStack } from './stack.ts'
import { quantile } from './stats.ts'

export interface PairPlan {
  /** Of each of two bursts: in the first one the daemons' code is still being compiled. */
  readonly messages: number
  /** Calls under way at once in a burst. */
  readonly callers: number
  /** One after the other, for the latency: first of daemons that were just started, and again behind the bursts. */
  readonly alone: number
  /** As `alone`, but at a steady rate, as people and agents write: whatever followed the message before is done by then. */
  readonly gentle: { readonly messages: number; readonly perSecond: number }
}

/** Fails where a message is missing, twice or out of order. */
export async function measureDaemonPair({ messages, callers, alone, gentle }: PairPlan): Promise<Case[]> {
  const stack = await startStack()
  const stops: (() => unknown)[] = [() => stack.stop()]
  try {
    const [alice, bob] = await Promise.all([
      makeMachine('http://127.0.0.1:1'),
      makeMachine('http://127.0.0.1:1'),
    ])
    stops.push(
      () => alice.close(),
      () => bob.close(),
    )
    const all = 2 * (messages + alone + gentle.messages)
    await meet(stack, alice, bob, all)
    const send = sender(alice)
    const inbox = await follow(bob)
    stops.push(() => inbox.close())

    const scene = { stack, alice, bob, send, inbox, callers }
    const single = async (when: string): Promise<Case[]> => {
      const atOnce = await oneByOne(scene, alone)
      const steady = await oneByOne(scene, gentle.messages, 1000 / gentle.perSecond)
      return [
        latencyOf(`daemon to daemon, one by one${when}`, atOnce),
        latencyOf(`daemon to daemon, ${gentle.perSecond} a second${when}`, steady),
      ]
    }
    const singleFirst = await single('')
    const first = await burst(scene, messages)
    const again = await burst(scene, messages)
    const singleAgain = await single(', again')
    inbox.check(all)
    return [
      ...singleFirst,
      ...casesOf('daemon to daemon', first),
      ...casesOf('daemon to daemon, again', again),
      ...singleAgain,
    ]
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}

interface Scene {
  readonly stack: Stack
  readonly alice: Machine
  readonly bob: Machine
  readonly send: (text: string) => Promise<void>
  readonly inbox: Inbox
  readonly callers: number
}

/** From each call to its line in the other's inbox, ms, sorted; the next call waits for that line, and begins no earlier than its turn of `everyMs`. */
async function oneByOne({ send, inbox }: Scene, messages: number, everyMs = 0): Promise<Float64Array> {
  const took = new Float64Array(messages)
  const start = performance.now()
  for (let n = 0; n < messages; n++) {
    const early = start + n * everyMs - performance.now()
    if (everyMs > 0 && early > 0) await Bun.sleep(early)
    const before = inbox.shown
    const began = performance.now()
    const shown = inbox.until(before + 1)
    await send(`alone ${before}`)
    await shown
    took[n] = performance.now() - began
  }
  return took.sort()
}

interface Burst {
  /** A second, until the last was sent, and shown. */
  readonly sent: number
  readonly shown: number
  /** µs of CPU a message. */
  readonly cpu: Readonly<Record<'sender' | 'receiver' | 'broker' | 'Postgres' | 'caller', number>>
}

async function burst({ stack, alice, bob, send, inbox, callers }: Scene, messages: number): Promise<Burst> {
  const cpu = () => {
    const { user, system } = process.cpuUsage()
    const { broker, postgres } = stack.cpu()
    const [sender, receiver] = [alice, bob].map(machine => cpuTime([machine.daemonPid()]))
    return {
      sender: sender!,
      receiver: receiver!,
      broker,
      Postgres: postgres,
      caller: (user + system) / 1000,
    }
  }
  const before = cpu()
  const began = performance.now()
  const shownBefore = inbox.shown
  const all = inbox.until(shownBefore + messages)
  let next = 0
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (next < messages) await send(`burst ${shownBefore + next++}`)
    }),
  )
  const sentMs = performance.now() - began
  await all
  const shownMs = performance.now() - began
  const after = cpu()
  const each = (name: keyof Burst['cpu']) => ((after[name] - before[name]) * 1000) / messages
  return {
    sent: messages / (sentMs / 1000),
    shown: messages / (shownMs / 1000),
    cpu: {
      sender: each('sender'),
      receiver: each('receiver'),
      broker: each('broker'),
      Postgres: each('Postgres'),
      caller: each('caller'),
    },
  }
}

function latencyOf(name: string, sorted: Float64Array): Case {
  const p50 = quantile(sorted, 0.5)
  return { name, unit: 'ms', value: p50, p50, p99: quantile(sorted, 0.99) }
}

const casesOf = (name: string, { sent, shown, cpu }: Burst): Case[] => [
  { name: `${name}: sent`, unit: 'msg/s', value: sent },
  { name: `${name}: shown`, unit: 'msg/s', value: shown },
  ...Object.entries(cpu).map(
    ([who, value]): Case => ({ name: `${name}: ${who}`, unit: 'µs CPU/msg', value }),
  ),
]

/** A mesh of two, whose reader's mailbox has room for all. */
async function meet(stack: Stack, alice: Machine, bob: Machine, room: number): Promise<void> {
  const broker = `http://127.0.0.1:${stack.port}`
  await alice.json('mesh', 'create', 'home', '--broker', broker, '--as-name', 'alice')
  const [invite] = await alice.json<{ link: string }>('invite')
  await bob.json('join', invite!.link, '--name', 'bob', '-y')
  await bob.json('limits', `inbox=${room}`, `inbox-member=${room}`)
}

function sender(machine: Machine): (text: string) => Promise<void> {
  const { unix, headers } = doorOf(machine)
  return async text => {
    const body = JSON.stringify({ to: ['bob'], text, wait: 'none' })
    const answer = await fetch('http://localhost/v1/send', { unix, method: 'POST', headers, body })
    if (!answer.ok) throw new Error(await answer.text())
    await answer.text()
  }
}

interface Inbox {
  /** Lines so far. */
  readonly shown: number
  /** Resolves when so many were shown. */
  until(count: number): Promise<void>
  /** Throws unless each of `count` was shown once, in order of its number within its kind. */
  check(count: number): void
  close(): void
}

async function follow(machine: Machine): Promise<Inbox> {
  const { unix, headers } = doorOf(machine)
  const done = new AbortController()
  const url = 'http://localhost/v1/inbox?all=1&peek=1&follow=1'
  const answer = await fetch(url, { unix, headers, signal: done.signal })
  const texts: string[] = []
  const waits = new Map<number, () => void>()
  void (async () => {
    let rest = ''
    for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split('\n')
      rest = lines.pop()!
      for (const line of lines) if (line !== '') texts.push(JSON.parse(line).text)
      for (const [count, wake] of waits) if (texts.length >= count && waits.delete(count)) wake()
    }
  })().catch(() => {})
  return {
    get shown() {
      return texts.length
    },
    until: count =>
      new Promise(resolve => {
        if (texts.length >= count) resolve()
        else waits.set(count, resolve)
      }),
    check(count) {
      if (texts.length !== count || new Set(texts).size !== count)
        throw new Error(`${texts.length} lines, ${new Set(texts).size} texts of ${count} messages`)
    },
    close: () => done.abort(),
  }
}

function doorOf(machine: Machine): { unix: string; headers: Record<string, string> } {
  const { socket } = JSON.parse(readFileSync(join(machine.mesh, 'daemon.json'), 'utf8'))
  const token = readFileSync(join(machine.mesh, 'token'), 'utf8').trim()
  return {
    unix: socket,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  }
}
