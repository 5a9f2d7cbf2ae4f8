/**
 * A deploy that changes the database: two nodes of the version before its last migration, replaced one after the other by this one
 * while mail goes on. That version is taken from the history of this repository and installed beside it.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '@claudemesh/db'
import { ERRORS, toBase64url } from '@claudemesh/protocol'
import { freshDatabase, NATS_SERVER, startBalancer, startNats, stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT } from './dockerfile.ts'
import { startTraffic } from './nats/traffic.ts'
import { startNode } from './node-process.ts'
import { foundMesh } from './test-broker.ts'
import { randomBytes } from './test-member.ts'
import { TestSocket } from './test-socket.ts'

const MIGRATIONS = 'packages/db/migrations'
/** Messages a second, one of each pair at a time. */
const RATE = 500
const PAIRS = 50
/** Messages to each receiver between two replacements: some seconds. */
const BETWEEN = 40
const INSTALL_MS = 300_000

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()

/** The commit before the last migration came; `null` where the history does not reach so far. */
function versionBefore(): string | null {
  const last = readdirSync(join(ROOT, MIGRATIONS))
    .filter(name => name.endsWith('.sql'))
    .toSorted()
    .at(-1)!
  try {
    const added = git('log', '-1', '--diff-filter=A', '--format=%H', '--', `${MIGRATIONS}/${last}`)
    return git('rev-parse', '--verify', `${added}^`)
  } catch {
    return null
  }
}

const before = versionBefore()
const scratch = mkdtempSync(join(tmpdir(), 'claudemesh-before-'))
const able = before !== null && NATS_SERVER !== null

beforeAll(() => {
  if (!able) return
  const sources = join(scratch, 'sources.tar')
  const tree = join(scratch, 'tree')
  mkdirSync(tree)
  git('archive', '--format=tar', '-o', sources, before)
  execFileSync('tar', ['-xf', sources, '-C', tree])
  execFileSync('npx', ['-y', 'pnpm@12', 'install', '--frozen-lockfile', '--prefer-offline'], {
    cwd: tree,
    stdio: 'pipe',
  })
}, INSTALL_MS)
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true })
  await stopSharedPostgres()
})

test.skipIf(!able)(
  'two nodes of the version before the last migration become this one under traffic: nothing fails or is lost, and there is no way back',
  async () => {
    const { url } = await freshDatabase()
    const db = await openDatabase({ url, max: 1 })
    const nats = await startNats()
    const door = await startBalancer()
    const shared = {
      DATABASE_URL: url,
      BROKER_KEY: toBase64url(randomBytes(32)),
      NATS_URL: nats.url,
      PUBLIC_HOSTS: door.host,
      MESH_CREATE: 'open',
    }
    const older = (name: string) => brokerOf(join(scratch, 'tree'), { ...shared, NODE_NAME: name })
    const newer = (name: string) => brokerOf(ROOT, { ...shared, NODE_NAME: name })
    const one = await startNode(older('one'))
    const two = await startNode(older('two'))
    const version = async () =>
      (await db.sql<{ version: number }[]>`select version from mesh_fn.installed`)[0]!.version
    const stood = await version()
    door.route(one.port, two.port)
    const { challenge, ws } = await TestSocket.open(door.port)
    ws.close()
    const founded = await foundMesh({ port: door.port, brokerKey: challenge.brokerKey })
    const traffic = await startTraffic(door.port, founded, {
      pairs: PAIRS,
      batch: 1,
      everyMs: (1000 * PAIRS) / RATE,
    })
    await traffic.more(BETWEEN)

    await one.replace(newer('one'))
    expect(await version()).toBe(stood + 1)
    await traffic.more(BETWEEN)

    await expect(startNode(older('three'))).rejects.toThrow(
      new RegExp(`ended with ${ERRORS.conflict.exit}:[^]*is at version ${stood + 1}`),
    )
    await two.replace(newer('two'))
    await traffic.more(BETWEEN)

    const { latencies, ...outcome } = await traffic.finish()
    console.info({ before, ...outcome, max: latencies.at(-1) })
    expect(outcome).toMatchObject({ lost: 0, twice: 0, disordered: 0, failed: [] })
    expect([...one.errors, ...two.errors]).toEqual([])
    for (const node of [one, two]) await node.end()
    await door.close()
    await nats.kill()
    await db.close()
  },
)

/** Starts a broker of the tree in `folder`. */
const brokerOf = (folder: string, env: Record<string, string>) => (port: number) =>
  spawn(join(folder, 'node_modules/.bin/bun'), ['--bun', join(folder, 'apps/broker/src/main.ts')], {
    env: { PATH: process.env.PATH, BROKER_PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
