import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isAlive } from '../../src/daemon/process-identity.ts'
import { type Machine, newMachine, type Running } from './machine.ts'
import { answers, until } from './until.ts'

interface Facts {
  broker: string
  mesh: string
  invite: string
  home: string
}
interface Running_ {
  supervisor: { pid: number; identity: string }
  children: { pid: number; identity: string }[]
}

const machines: Machine[] = []
const machine = () => {
  const made = newMachine()
  machines.push(made)
  return made
}
afterAll(() => Promise.all(machines.map(each => each.remove())))

async function up(on: Machine, ...args: string[]): Promise<{ running: Running; facts: Facts }> {
  const running = on.start(['up', '--json', ...args])
  return { running, facts: JSON.parse(await running.line()) as Facts }
}
const stateOf = (on: Machine) =>
  JSON.parse(readFileSync(join(on.home, 'broker', 'up.json'), 'utf8')) as { running: Running_ }
const postgresOf = (on: Machine) =>
  Number.parseInt(readFileSync(join(on.home, 'broker', 'postgres', 'cluster', 'postmaster.pid'), 'utf8'), 10)
const runs = (pid: number) => existsSync(`/proc/${pid}`)

describe('`up`', () => {
  const a = machine()
  let first: Facts

  test('brings up broker, daemon and a first mesh, and tells where', async () => {
    const { running, facts } = await up(a, '--port', '0')
    first = facts
    expect(Object.keys(facts)).toEqual(['broker', 'mesh', 'invite', 'home'])
    expect(facts).toMatchObject({ mesh: 'home', home: a.home })
    expect(facts.invite).toMatch(new RegExp(`^${facts.broker}/i/[^#]+#`))
    expect(await answers(`${facts.broker}/health`)).toBe(true)
    expect(await a.json('mesh', 'list')).toMatchObject([{ name: 'home', role: 'owner', members: 1 }])

    const pid = postgresOf(a)
    running.child.kill('SIGTERM')
    expect((await running.finished).exit).toBe(0)
    expect(await answers(`${facts.broker}/health`)).toBe(false)
    expect((await a.run(['daemon', 'status'])).exit).toBe(3)
    expect(runs(pid)).toBe(false)
  })

  test('a second start has the same mesh at the same address', async () => {
    const { running, facts } = await up(a)
    running.child.kill('SIGINT')
    expect((await running.finished).exit).toBe(130)
    expect(facts).toMatchObject({ broker: first.broker, mesh: first.mesh, home: first.home })
    expect(facts.invite).not.toBe(first.invite)
  })

  test('in the background it is ready when it answers; `up` again says the same; `down` ends it', async () => {
    const detached = JSON.parse((await a.run(['up', '--detach', '--json'])).stdout) as Facts
    expect(await answers(`${detached.broker}/ready`)).toBe(true)

    const again = await a.run(['up', '--json'])
    expect(again.exit).toBe(0)
    expect(JSON.parse(again.stdout)).toMatchObject({ broker: first.broker, mesh: 'home', home: a.home })
    const open = (await a.json('invite', 'list')).filter(invite => invite.state === 'open')
    expect(open).toHaveLength(1)
    expect(readFileSync(join(a.home, 'logs', 'up.log'), 'utf8')).not.toContain('/i/')

    const { supervisor, children } = stateOf(a).running
    expect(JSON.parse((await a.run(['down', '--json'])).stdout)).toEqual({ stopped: true })
    for (const { pid, identity } of [supervisor, ...children]) expect(isAlive(pid, identity)).toBe(false)
    expect(await answers(`${detached.broker}/health`)).toBe(false)
  })

  test('killed hard, all it started ends too, and the next start finds everything', async () => {
    await a.run(['up', '--detach', '--json'])
    const { supervisor, children } = stateOf(a).running
    const postgres = postgresOf(a)
    process.kill(supervisor.pid, 'SIGKILL')
    await until('its children are gone', () => children.every(({ pid, identity }) => !isAlive(pid, identity)))
    await until('Postgres is gone', () => !runs(postgres))
    const { running, facts } = await up(a)
    expect(facts).toMatchObject({ broker: first.broker, mesh: 'home' })
    expect(await a.json('mesh', 'list')).toMatchObject([{ name: 'home', members: 1 }])
    running.child.kill('SIGTERM')
    await running.finished
  })

  test('a broker, a daemon, a Postgres that is killed is started again', async () => {
    const { running, facts } = await up(a)
    const fresh = async (old: { pid: number }[]) =>
      until('a new one', () => {
        const now = stateOf(a).running.children
        const all = now.length === 2 && now.every(each => old.every(({ pid }) => pid !== each.pid))
        return all ? now : undefined
      })
    const children = stateOf(a).running.children
    for (const { pid } of children) process.kill(pid, 'SIGKILL')
    const after = await fresh(children)
    await until('the broker answers', () => answers(`${facts.broker}/ready`))
    await until('the daemon answers', async () => (await a.run(['daemon', 'status'])).exit === 0)

    process.kill(postgresOf(a), 'SIGKILL')
    await until('another broker on another Postgres', () =>
      stateOf(a).running.children.some(({ pid }) => after.every(each => each.pid !== pid)),
    )
    await until(
      'the broker is ready',
      async () => (await fetch(`${facts.broker}/ready`).catch(() => null))?.ok,
    )
    running.child.kill('SIGTERM')
    expect((await running.finished).exit).toBe(0)
  })
})

describe('`up --host` on a mesh that knows its broker as this machine alone', () => {
  const c = machine()

  test('names the broker anew in the roster, and its links can be joined from there', async () => {
    const { running } = await up(c, '--port', '0')
    running.child.kill('SIGTERM')
    await running.finished
    const { running: again, facts } = await up(c, '--host', 'localhost')
    expect(facts.broker).toMatch(/^http:\/\/localhost:/)
    expect(facts.invite).toMatch(new RegExp(`^${facts.broker}/i/[^#]+#`))
    expect(await c.json('mesh', 'list')).toMatchObject([{ broker: facts.broker, state: 'online' }])
    const d = machine()
    await d.run(['daemon', 'start'])
    expect(await d.json('join', '--yes', facts.invite)).toMatchObject([{ mesh: 'home' }])
    again.child.kill('SIGTERM')
    await again.finished
  })
})

describe('what stands in the way of `up` is one line', () => {
  const refused = async (on: Machine, args: string[], exit: number, says: RegExp) => {
    const ended = await on.run(['up', ...args])
    expect({ exit: ended.exit, stdout: ended.stdout }).toEqual({ exit, stdout: '' })
    expect(ended.stderr).toMatch(says)
    expect(ended.stderr).toMatch(/^claudemesh: [^\n]+\n$/)
  }
  let b: Machine
  beforeAll(() => {
    b = machine()
  })

  test('a taken port', async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await refused(b, ['--port', String(port)], 6, new RegExp(`Port ${port} is taken.*--port`))
    await new Promise(resolve => server.close(resolve))
  })

  test('a data folder that is a file, or holds something else', async () => {
    writeFileSync(join(b.root, 'file'), '')
    await refused(b, ['--port', '0', '--data', join(b.root, 'file')], 6, /is not a folder.*--data/)
    mkdirSync(join(b.root, 'photos'))
    writeFileSync(join(b.root, 'photos', 'cat.jpg'), '')
    await refused(
      b,
      ['--port', '0', '--data', join(b.root, 'photos')],
      6,
      /holds other things \(cat.jpg\).*--data/,
    )
  })

  test('a broken database', async () => {
    const cluster = join(b.root, 'broken', 'postgres', 'cluster')
    mkdirSync(cluster, { recursive: true })
    writeFileSync(join(cluster, 'PG_VERSION'), 'none\n')
    await refused(b, ['--port', '0', '--data', join(b.root, 'broken')], 1, /data folder is broken/)
  })

  test('a missing right', async () => {
    mkdirSync(join(b.root, 'locked'), { mode: 0o500 })
    // Root may write everywhere but where the kernel says no.
    const locked = process.getuid?.() === 0 ? '/sys/claudemesh' : join(b.root, 'locked')
    await refused(b, ['--port', '0', '--data', locked], 4, /cannot be written.*--data/)
  })
})
