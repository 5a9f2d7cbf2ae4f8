import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { uuidBytes } from '@claudemesh/crypto'
import { type EmbeddedPostgres, openDatabase, startEmbeddedPostgres } from '@claudemesh/db'
import {
  type BrokerProcess,
  databaseText,
  type Machine,
  makeMachine,
  startBrokerProcess,
} from '@claudemesh/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callDaemon, followDaemon } from '../../src/api/client.ts'
import { ROUTES, type RouteName } from '../../src/api/routes.ts'
import { homePaths, readDaemonFile } from '../../src/home/index.ts'
import { MARK, type Planted, plant } from './canaries.ts'
import { foundIn, spelled } from './spelled.ts'
import { startTape, type Tape } from './tape.ts'

const root = mkdtempSync(join(tmpdir(), 'cm-blind-'))
let database: EmbeddedPostgres
let broker: BrokerProcess
let tape: Tape
let alice: Machine
let bob: Machine
let carol: Machine
let planted: Planted

beforeAll(async () => {
  ;[database, tape] = await Promise.all([
    startEmbeddedPostgres({ dataDir: join(root, 'postgres') }),
    startTape(),
  ])
  const host = `127.0.0.1:${tape.port}`
  broker = await startBrokerProcess(database.url, { LOG_LEVEL: 'debug', PUBLIC_HOSTS: host })
  tape.to(Number(new URL(broker.url).port))
  const model = 'http://127.0.0.1:1'
  ;[alice, bob, carol] = await Promise.all([makeMachine(model), makeMachine(model), makeMachine(model)])
  planted = await plant({ alice, bob, carol, brokerUrl: `http://${host}` })
  await hookAtBroker()
  await checkpoint()
})
afterAll(async () => {
  await alice?.close()
  await bob?.close()
  await carol?.close()
  await tape?.close()
  await broker?.close()
  await database?.stop()
  rmSync(root, { recursive: true, force: true })
})

/** Puts every page on disk, so that the files hold all there is. */
async function checkpoint(): Promise<void> {
  const db = await openDatabase({ url: database.url })
  await db.sql`checkpoint`
  await db.close()
}

/** Every file below a folder, tables and write-ahead log alike. */
function* filesBelow(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const stat = statSync(path)
    if (stat.isDirectory()) yield* filesBelow(path)
    else if (stat.isFile()) yield path
  }
}
const holds = (haystack: Buffer, needles: readonly Buffer[]) =>
  needles.some(needle => haystack.includes(needle))
/** Tables and write-ahead log as they lie on the disk. */
const onDisk = () => [...filesBelow(join(root, 'postgres'))].map(readIfThere)
/** The server runs: a cache of its own may go between the look at its folder and this one. */
function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if (existsSync(path)) throw error
    return Buffer.alloc(0)
  }
}
/** A hook script that tells the broker more than it asks for. */
async function hookAtBroker(): Promise<void> {
  const body = { session_id: planted.uuid, status: 'idle', cwd: `/${MARK}hook-at-broker`, pid: 4_242_424 }
  await fetch(`${broker.url}/hook/set-status`, {
    method: 'POST',
    headers: { authorization: `Bearer ${MARK}token` },
    body: JSON.stringify(body),
  })
}
/** Where the broker could keep or let out what it sees. */
async function places(): Promise<Record<string, Buffer>> {
  const metrics = await (await fetch(`${broker.url}/metrics`)).text()
  return {
    dump: Buffer.from(await databaseText(database.url)),
    log: Buffer.from(broker.log()),
    metrics: Buffer.from(metrics),
    wire: tape.bytes(),
  }
}

/** Every 32-byte value in the key files of a machine. */
function secretsOf(machine: Machine): Buffer[] {
  const folders = ['meshes', 'sessions'].map(name => join(machine.mesh, name)).filter(existsSync)
  const values = folders
    .flatMap(folder => [...filesBelow(folder)])
    .flatMap(path => seeds(JSON.parse(readFileSync(path, 'utf8'))))
  return values.map(text => Buffer.from(text, 'base64url'))
}
function seeds(value: unknown, name = ''): string[] {
  if (typeof value === 'string')
    return /seed|x25519|xwing|key$/i.test(name) && /^[\w-]{43}$/.test(value) ? [value] : []
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => seeds(inner, key))
}

describe('what the broker can read', () => {
  test('none of 40 and more canaries stands in a dump, in its log, its metrics or on the wire, however it is spelled', async () => {
    const { texts, secrets, uuid } = planted
    const canaries = Object.entries({ ...texts, ...secrets, 'hook at the broker': `${MARK}hook-at-broker` })
    expect(Object.keys(texts).length).toBeGreaterThanOrEqual(40)
    const all = await places()
    // What it does see is found by the same search.
    for (const place of ['dump', 'wire']) expect(foundIn(all[place]!, uuid)).not.toEqual([])
    expect(all.log!.includes('broker.started')).toBe(true)
    expect(all.metrics!.includes('claudemesh')).toBe(true)
    for (const [place, hay] of Object.entries(all))
      for (const [name, secret] of canaries)
        expect({
          place,
          name,
          found: foundIn(hay, typeof secret === 'string' ? secret.slice(0, 40) : secret),
        }).toEqual({
          place,
          name,
          found: [],
        })
  })

  test('nor in its files, tables and write-ahead log alike', () => {
    const files = onDisk()
    const marks = spelled(MARK)
    expect(
      files.filter(file => holds(file, [Buffer.from(planted.uuid), Buffer.from(uuidBytes(planted.uuid))])),
    ).not.toEqual([])
    expect(files.filter(file => holds(file, marks))).toEqual([])
    for (const [name, secret] of Object.entries(planted.secrets))
      expect([name, files.filter(file => holds(file, [Buffer.from(secret as string)]))]).toEqual([name, []])
  })

  test('and the same search finds what is put there, in every spelling', async () => {
    const control = `${MARK}control`
    const db = await openDatabase({ url: database.url })
    await db.sql`create schema control`
    await db.sql`create table control.found (what bytea)`
    for (const way of spelled(control)) await db.sql`insert into control.found values (${way})`
    await checkpoint()
    const dump = Buffer.from(await databaseText(database.url))
    expect(foundIn(dump, control)).not.toEqual([])
    const files = onDisk()
    for (const way of spelled(control)) expect(files.some(file => holds(file, [way]))).toBe(true)
    await db.sql`drop schema control cascade`
    await db.close()

    const socket = new WebSocket(`ws://127.0.0.1:${tape.port}/ws`, 'claudemesh.v1')
    const closed = new Promise(resolve => socket.addEventListener('close', resolve))
    await new Promise(resolve => socket.addEventListener('message', resolve, { once: true }))
    for (const way of spelled(control)) socket.send(new Uint8Array(way))
    socket.close()
    await closed
    expect(foundIn(tape.bytes(), control)).toHaveLength(spelled(control).length)
  })
})

describe('secret keys never leave their files', () => {
  test('neither into the database, nor onto the wire, nor into logs', async () => {
    const secrets = [alice, bob].flatMap(secretsOf)
    expect(secrets.length).toBeGreaterThanOrEqual(7)
    const logs = Buffer.from(
      [alice, bob].map(m => readFileSync(join(m.mesh, 'logs/daemon.log'), 'utf8')).join(''),
    )
    const files = onDisk()
    const all = { ...(await places()), logs }
    for (const secret of secrets) {
      for (const [place, hay] of Object.entries(all))
        expect([place, foundIn(hay, secret)]).toEqual([place, []])
      expect(files.some(file => holds(file, [secret]))).toBe(false)
    }
  })

  test('nor into any answer of the local API', async () => {
    const home = alice.mesh
    const members = (await callDaemon('members', { home })) as { member: string; self: boolean }[]
    const peer = members.find(({ self }) => !self)!.member
    const body = { to: [peer], text: 'which ids are asked for' }
    const { id } = (await callDaemon('send', { home, body })) as { id: string }
    // The broker signs the first head of its log a few seconds after the first word.
    await expect
      .poll(() => callDaemon('auditHead', { home }).then(Boolean, () => false), { timeout: 30_000 })
      .toBe(true)
    const answers: string[] = []
    for (const [name, [method]] of Object.entries(ROUTES)) {
      // One line of plain text, for a session alone.
      if (method !== 'GET' || name === 'line') continue
      const lines = await followDaemon(name as RouteName, {
        home,
        params: { peer, id },
        query: { all: true, peek: true },
      })
      for await (const line of lines) answers.push(JSON.stringify(line))
    }
    const session = await callDaemon('openSession', {
      home,
      body: { uuid: crypto.randomUUID(), name: 'told' },
    })
    const token = readFileSync((session as { tokenFile: string }).tokenFile, 'utf8').trim()
    const line = await fetch(`http://localhost${ROUTES.line[1]}`, {
      unix: readDaemonFile(homePaths(home))!.socket,
      headers: { authorization: `Bearer ${token}` },
    })
    expect(line.status).toBe(200)
    answers.push(await line.text())
    expect(answers.join('')).toContain(planted.texts['bob-renamed'])
    for (const secret of secretsOf(alice))
      expect(holds(Buffer.from(answers.join('')), spelled(secret))).toBe(false)
  })

  test.skipIf(!existsSync('/proc/self/environ'))(
    'nor into the environment or arguments of any process',
    () => {
      const secrets = [alice, bob].flatMap(secretsOf).flatMap(secret => spelled(secret))
      for (const pid of [broker.pid, alice.daemonPid(), database.pid])
        for (const file of ['environ', 'cmdline'])
          expect(holds(readFileSync(`/proc/${pid}/${file}`), secrets)).toBe(false)
    },
  )
})
