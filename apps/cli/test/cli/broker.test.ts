import { freshDatabase, stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Machine, newMachine, type Running } from './machine.ts'

let machine: Machine
let database: Awaited<ReturnType<typeof freshDatabase>>
beforeAll(async () => {
  machine = newMachine()
  database = await freshDatabase()
})
afterAll(async () => {
  await machine.remove()
  await database.drop()
  await stopSharedPostgres()
})

interface Ready {
  running: Running
  pid: number
  port: number
}

async function broker(how: { onNode?: boolean; tied?: boolean } = {}): Promise<Ready> {
  const running = machine.start(['broker', '--json', ...(how.tied ? ['--tied'] : [])], {
    ...how,
    env: { DATABASE_URL: database.url, BROKER_PORT: '0', LOG_LEVEL: 'silent' },
  })
  return { running, ...(JSON.parse(await running.line()) as { pid: number; port: number }) }
}

describe('`broker`, and the launcher it runs under', () => {
  test('serves at the port it names, with a key under the home that nobody else can read', async () => {
    const { running, port } = await broker()
    expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200)
    const { mode } = await import('node:fs/promises').then(fs => fs.stat(`${machine.home}/broker/broker.key`))
    expect(mode & 0o777).toBe(0o600)
    running.child.kill('SIGTERM')
    expect((await running.finished).exit).toBe(0)
  })

  test.each([false, true])('ends with 130 when interrupted (on Node: %s)', async onNode => {
    const { running } = await broker({ onNode })
    running.child.kill('SIGINT')
    expect((await running.finished).exit).toBe(130)
  })

  test.each([false, true])(
    'killed hard, it is the launcher that died of that signal (on Node: %s)',
    async onNode => {
      const { running, pid } = await broker({ onNode })
      expect(pid === running.child.pid).toBe(!onNode)
      process.kill(pid, 'SIGKILL')
      expect((await running.finished).exit).toBe('SIGKILL')
    },
  )

  test('tied to its starter, it ends when the starter is gone', async () => {
    const { running } = await broker({ tied: true })
    running.child.stdin?.destroy()
    expect((await running.finished).exit).toBe(0)
  })

  test('a taken port is one line that names it', async () => {
    const first = await broker()
    const second = machine.start(['broker'], {
      env: { DATABASE_URL: database.url, BROKER_PORT: String(first.port), LOG_LEVEL: 'silent' },
    })
    const { exit, stderr } = await second.finished
    expect(exit).toBe(6)
    expect(stderr).toMatch(new RegExp(`^claudemesh: [^\\n]*${first.port}[^\\n]*\\n$`))
    first.running.child.kill('SIGTERM')
    await first.running.finished
  })

  test('without a database it says which variable to set', async () => {
    const { exit, stderr } = await machine.run(['broker'])
    expect(exit).toBe(2)
    expect(stderr).toContain('DATABASE_URL')
  })
})
