import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, describe, expect, test } from 'vitest'
import {
  commit,
  type Database,
  type EmbeddedPostgres,
  migrate,
  openDatabase,
  startEmbeddedPostgres,
} from '../src/index.ts'
import { attached, item, newMesh, wholeQueue } from './world.ts'

const home = mkdtempSync(join(tmpdir(), 'claudemesh-embedded-'))
const running: EmbeddedPostgres[] = []
let count = 0
const folder = () => join(home, `data ${++count}`)

afterAll(async () => {
  for (const server of running) await server.stop()
  rmSync(home, { recursive: true, force: true })
})

async function start(dataDir: string, port?: number): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, ...(port !== undefined && { port }) })
  running.push(server)
  return server
}

async function ask(server: EmbeddedPostgres, work: (db: Database) => Promise<unknown>): Promise<unknown> {
  const db = await openDatabase({ url: server.url, max: 1 })
  try {
    return await work(db)
  } finally {
    await db.close()
  }
}

/** Starts it from a process of its own and answers with that process and the address. */
async function startElsewhere(dataDir: string) {
  const index = new URL('../src/index.ts', import.meta.url).pathname
  const script = `import { startEmbeddedPostgres } from ${JSON.stringify(index)}
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} })
    console.log(JSON.stringify({ url: server.url, pid: server.pid }))
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string]
  return { child, ...(JSON.parse(line) as { url: string; pid: number }) }
}

/** Whether it runs; a zombie whom nobody waited for does not. */
const runs = (pid: number) =>
  /^[^Z]/.test(spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim())

describe('starting', () => {
  test('an empty folder becomes a durable server that only its password opens', async () => {
    const dataDir = folder()
    const server = await start(dataDir)
    const settings = (await ask(server, async db => {
      const rows =
        await db.sql`select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'jit')`
      return Object.fromEntries(rows.map(row => [row.name, row.setting]))
    })) as Record<string, string>
    expect(settings).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      listen_addresses: '127.0.0.1',
      jit: 'off',
    })
    const wrong = new URL(server.url)
    wrong.password = 'guess'
    await expect(openDatabase({ url: wrong.href })).rejects.toMatchObject({ code: 'unauthenticated' })
    expect(statSync(join(dataDir, 'password')).mode & 0o777).toBe(0o600)
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    if (process.platform === 'linux') {
      const [command, environment] = ['cmdline', 'environ'].map(file =>
        readFileSync(`/proc/${server.pid}/${file}`, 'utf8'),
      )
      expect(`${command}${environment}`).not.toContain(new URL(server.url).password)
    }
  })

  test('a stopped server comes back with its data and its password', async () => {
    const dataDir = folder()
    const first = await start(dataDir)
    await ask(first, db => db.sql.unsafe('create table kept (n int); insert into kept values (7)'))
    await first.stop()
    await expect(openDatabase({ url: first.url })).rejects.toMatchObject({ code: 'unreachable' })
    const second = await start(dataDir)
    expect(new URL(second.url).password).toBe(new URL(first.url).password)
    expect(await ask(second, async db => (await db.sql`select n from kept`)[0]!.n)).toBe(7)
  })

  test('a taken port is named', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' ? address!.port : 0
    await expect(start(folder(), port)).rejects.toMatchObject({
      code: 'conflict',
      message: `port ${port} is taken`,
      field: 'port',
    })
    taken.close()
  })

  test('a folder that is in use, broken, strange or newer is refused with one line', async () => {
    const inUse = folder()
    await start(inUse)
    await expect(start(inUse)).rejects.toMatchObject({ code: 'already-running' })

    const newer = folder()
    await (await start(newer)).stop()
    const version = join(newer, 'cluster', 'PG_VERSION')
    const own = readFileSync(version, 'utf8')
    writeFileSync(version, '99\n')
    await expect(start(newer)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('Postgres 99'),
    })
    writeFileSync(version, own)
    rmSync(join(newer, 'cluster', 'global', 'pg_control'))
    const broken = (await start(newer).catch(error => error)) as Error & { code: string }
    expect(broken.code).toBe('internal')
    expect(broken.message).not.toMatch(/\n/)

    const strange = folder()
    mkdirSync(strange)
    writeFileSync(join(strange, 'thesis.txt'), '')
    await expect(start(strange)).rejects.toMatchObject({ code: 'internal' })
    rmSync(join(newer, 'password'))
    await expect(start(newer)).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringContaining('missing'),
    })
  })

  test.skipIf(process.getuid?.() === 0)('a folder that may not be written is a missing right', async () => {
    const locked = folder()
    mkdirSync(locked, { mode: 0o500 })
    await expect(start(locked)).rejects.toMatchObject({ code: 'forbidden' })
    chmodSync(locked, 0o700)
  })

  test('a half made cluster is made anew', async () => {
    const dataDir = folder()
    mkdirSync(join(dataDir, 'cluster.new', 'base'), { recursive: true })
    const server = await start(dataDir)
    expect(await ask(server, async db => (await db.sql`select 1 as n`)[0]!.n)).toBe(1)
  })
})

describe('crashing', () => {
  test('kill -9 of Postgres loses nothing that was answered', async () => {
    const dataDir = folder()
    let server = await start(dataDir)
    let db = await openDatabase({ url: server.url })
    await migrate(db)
    const at = await newMesh(db)
    const me = await attached(at, at.owner)
    const accepted: number[] = []
    for (let round = 0; round < 3; round++) {
      const victim = server
      const start_ = accepted.length
      const writing = (async () => {
        for (;;) {
          const { accepts } = await commit(db, {
            accepts: Array.from({ length: 20 }, () => item(at, me.recipient, [me.recipient])),
            acks: [],
          })
          accepted.push(...accepts.map(one => one.seq))
          if (accepted.length - start_ >= 200 + 100 * round) victim.kill('SIGKILL')
        }
      })()
      await expect(writing).rejects.toMatchObject({ code: 'unavailable' })
      await db.close()
      server = await start(dataDir)
      db = await openDatabase({ url: server.url })
      const rows = await wholeQueue(db, { mesh: at.mesh, recipient: me.recipient })
      const standing = new Set(rows.map(row => row.seq))
      expect(accepted.filter(seq => !standing.has(seq))).toEqual([])
      expect(rows.map(row => row.seq)).toEqual([...standing].toSorted((a, b) => a - b))
    }
    await db.close()
  })

  test('an orphan of a killed starter is ended before the next server, never two', async () => {
    const dataDir = folder()
    const first = await startElsewhere(dataDir)
    await expect(start(dataDir)).rejects.toMatchObject({ code: 'already-running' })
    const end = once(first.child, 'exit')
    first.child.kill('SIGKILL')
    await end
    expect(runs(first.pid)).toBe(true)
    const second = await start(dataDir)
    expect(runs(first.pid)).toBe(false)
    expect(await ask(second, async db => (await db.sql`select 1 as n`)[0]!.n)).toBe(1)
  })

  test("the pid of a dead server that now is somebody else's harms nobody", async () => {
    const dataDir = folder()
    const server = await start(dataDir)
    const file = join(dataDir, 'cluster', 'postmaster.pid')
    const lines = readFileSync(file, 'utf8').split('\n')
    server.kill('SIGKILL')
    await server.stop()
    const stranger = spawn('sleep', ['600'])
    writeFileSync(file, [stranger.pid, ...lines.slice(1)].join('\n'))
    const second = await start(dataDir)
    expect(await ask(second, async db => (await db.sql`select 1 as n`)[0]!.n)).toBe(1)
    expect(runs(stranger.pid!)).toBe(true)
    stranger.kill()
  })
})
