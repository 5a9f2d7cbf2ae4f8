/** Two daemons that write to each other as their users do: from the call that sends to the line in the other's inbox, keys and disks and all. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Machine, makeMachine } from '@claudemesh/testkit'
import { cpuTime } from './cpu-time.ts'
import type { Case } from './report.ts'
import { type Stack, startStack } from './stack.ts'
import { quantile } from './stats.ts'

export interface PairPlan {
  /** Of the burst. */
  readonly messages: number
  /** Calls under way at once in the burst. */
  readonly callers: number
  /** One after the other, for the latency. */
  readonly alone: number
}

/** Fails where a message is missing, twice or out of order. */
export async function measureDaemonPair({ messages, callers, alone }: PairPlan): Promise<Case[]> {
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
    await meet(stack, alice, bob, messages + alone)
    const send = sender(alice)
    const inbox = await follow(bob)
    stops.push(() => inbox.close())

    const took: number[] = []
    for (let n = 0; n < alone; n++) {
      const began = performance.now()
      const shown = inbox.until(n + 1)
      await send(`alone ${n}`)
      await shown
      took.push(performance.now() - began)
    }
    const cpu = () => [alice, bob].map(machine => cpuTime([machine.daemonPid()]))
    const before = [...cpu(), stack.cpu().broker + stack.cpu().postgres]
    const began = performance.now()
    let next = 0
    const all = inbox.until(alone + messages)
    await Promise.all(
      Array.from({ length: callers }, async () => {
        while (next < messages) await send(`burst ${next++}`)
      }),
    )
    const sentMs = performance.now() - began
    await all
    const ms = performance.now() - began
    const after = [...cpu(), stack.cpu().broker + stack.cpu().postgres]
    const [byAlice, byBob, byOthers] = after.map((now, i) => ((now - before[i]!) * 1000) / messages)
    inbox.check(alone + messages)

    const sorted = Float64Array.from(took).sort()
    const p50 = quantile(sorted, 0.5)
    return [
      { name: 'daemon to daemon, one by one', unit: 'ms', value: p50, p50, p99: quantile(sorted, 0.99) },
      { name: 'daemon to daemon: sent', unit: 'msg/s', value: messages / (sentMs / 1000) },
      { name: 'daemon to daemon: shown', unit: 'msg/s', value: messages / (ms / 1000) },
      { name: 'daemon to daemon: sender', unit: 'µs CPU/msg', value: byAlice! },
      { name: 'daemon to daemon: receiver', unit: 'µs CPU/msg', value: byBob! },
      { name: 'daemon to daemon: broker, Postgres', unit: 'µs CPU/msg', value: byOthers! },
    ]
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}

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
