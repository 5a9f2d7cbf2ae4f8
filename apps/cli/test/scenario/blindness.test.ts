import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedPostgres, openDatabase, startEmbeddedPostgres } from '@claudemesh/db'
import { type BrokerProcess, type Machine, makeMachine, startBrokerProcess } from '@claudemesh/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callDaemon, followDaemon } from '../../src/api/client.ts'
import { ROUTES, type RouteName } from '../../src/api/routes.ts'

/** Words that only the two ends may ever see, one for everything a person can write. */
const CANARIES = {
  mesh: 'canary-mesh-name',
  alice: 'canary-alice',
  bob: 'canary-bob',
  session: 'canary-session',
  group: 'canary-group',
  summary: 'canary-summary',
  online: 'canary-text-to-somebody-online',
  offline: 'canary-text-to-somebody-offline',
  reply: 'canary-reply',
  long: `${'canary-long-'.repeat(2000)}`,
}
const uuid = crypto.randomUUID()
const root = mkdtempSync(join(tmpdir(), 'cm-blind-'))
let database: EmbeddedPostgres
let broker: BrokerProcess
let alice: Machine
let bob: Machine

beforeAll(async () => {
  database = await startEmbeddedPostgres({ dataDir: join(root, 'postgres') })
  broker = await startBrokerProcess(database.url, { LOG_LEVEL: 'debug' })
  ;[alice, bob] = await Promise.all([makeMachine('http://127.0.0.1:1'), makeMachine('http://127.0.0.1:1')])
  await alice.json('mesh', 'create', CANARIES.mesh, '--broker', broker.url, '--as-name', CANARIES.alice)
  const [invite] = await alice.json<{ link: string }>('invite')
  await bob.json('join', invite!.link, '--name', CANARIES.bob, '-y')
  await bob.json('session', 'open', '--uuid', uuid, '--name', CANARIES.session, '--groups', CANARIES.group)
  await callDaemon('presence', { home: bob.mesh, body: { as: uuid, summary: CANARIES.summary } })
  const to = `${CANARIES.bob}/${CANARIES.session}`
  for (const text of [CANARIES.online, CANARIES.long])
    await alice.json('send', to, text, '--wait', 'delivered')
  await bob.json('send', CANARIES.alice, CANARIES.reply, '--as', uuid, '--wait', 'delivered')
  await bob.json('daemon', 'stop')
  // Still in the queue when the dump is taken.
  await alice.json('send', to, CANARIES.offline)
  await checkpoint()
})
afterAll(async () => {
  await alice?.close()
  await bob?.close()
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
const inDatabase = (needles: readonly Buffer[]) =>
  [...filesBelow(join(root, 'postgres'))].filter(path => holds(readIfThere(path), needles))
/** The server runs: a cache of its own may go between the look at its folder and this one. */
function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if (existsSync(path)) throw error
    return Buffer.alloc(0)
  }
}

/** A secret as bytes, and in every spelling it could leave in. */
function spellings(secret: Buffer): Buffer[] {
  return [
    secret,
    ...(['base64url', 'base64', 'hex'] as const).map(as =>
      Buffer.from(secret.toString(as).replace(/=+$/, '')),
    ),
  ]
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
  test('no word of anybody stands in its database, tables and write-ahead log alike', () => {
    // What it does see is found by the same search.
    expect(inDatabase([Buffer.from(uuid)])).not.toEqual([])
    for (const canary of Object.values(CANARIES))
      expect([canary.slice(0, 40), inDatabase([Buffer.from(canary.slice(0, 24))])]).toEqual([
        canary.slice(0, 40),
        [],
      ])
  })

  test('nor in its log, nor in its metrics', async () => {
    const metrics = await (await fetch(`${broker.url}/metrics`)).text()
    expect(metrics).toContain('claudemesh')
    expect(broker.log()).toContain('broker.started')
    for (const canary of Object.values(CANARIES)) {
      expect(broker.log()).not.toContain(canary.slice(0, 24))
      expect(metrics).not.toContain(canary.slice(0, 24))
    }
  })
})

describe('secret keys never leave their files', () => {
  test('neither into the database, nor into logs', () => {
    const secrets = [alice, bob].flatMap(secretsOf)
    expect(secrets.length).toBeGreaterThanOrEqual(7)
    const logs = Buffer.from(
      broker.log() + [alice, bob].map(m => readFileSync(join(m.mesh, 'logs/daemon.log'), 'utf8')).join(''),
    )
    for (const secret of secrets) {
      expect(inDatabase(spellings(secret))).toEqual([])
      expect(holds(logs, spellings(secret))).toBe(false)
    }
  })

  test('nor into any answer of the local API', async () => {
    const home = alice.mesh
    const members = (await callDaemon('members', { home })) as { member: string; self: boolean }[]
    const peer = members.find(({ self }) => !self)!.member
    const body = { to: [peer], text: 'which ids are asked for', wait: 'delivered' }
    const { id } = (await callDaemon('send', { home, body })) as { id: string }
    const answers: string[] = []
    for (const [name, [method]] of Object.entries(ROUTES)) {
      if (method !== 'GET') continue
      const lines = await followDaemon(name as RouteName, {
        home,
        params: { peer, id },
        query: { all: true, peek: true },
      })
      for await (const line of lines) answers.push(JSON.stringify(line))
    }
    expect(answers.join('')).toContain(CANARIES.bob)
    for (const secret of secretsOf(alice))
      expect(holds(Buffer.from(answers.join('')), spellings(secret))).toBe(false)
  })

  test.skipIf(!existsSync('/proc/self/environ'))(
    'nor into the environment or arguments of any process',
    () => {
      const secrets = [alice, bob].flatMap(secretsOf).flatMap(spellings)
      for (const pid of [broker.pid, alice.daemonPid(), database.pid])
        for (const file of ['environ', 'cmdline'])
          expect(holds(readFileSync(`/proc/${pid}/${file}`), secrets)).toBe(false)
    },
  )
})
