import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { callDaemon, followDaemon } from '../../src/api/client.ts'
import { runDaemon } from '../../src/daemon/index.ts'
import { homePaths, looseFiles, readDaemonFile } from '../../src/home/index.ts'
import { scratchFolder } from './scratch.ts'
import { machine, pair } from './world.ts'

afterAll(stopSharedPostgres)

const UUID = '11111111-2222-4333-8444-555555555555'
const RUN = fileURLToPath(new URL('../../src/daemon/index.ts', import.meta.url))

/** A daemon as a process of its own, under a umask that allows everything, to be killed. */
async function processOf(home: string) {
  const code = `process.umask(0)
    const { runDaemon } = await import(${JSON.stringify(RUN)})
    await runDaemon({ home: ${JSON.stringify(home)} })
    console.log('ready')`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(createInterface(child.stdout), 'line')
  return child
}

async function running(home: string) {
  const daemon = await runDaemon({ home })
  onTestFinished(() => daemon.stop())
  return daemon
}

describe('a daemon', () => {
  test('is the only one of its home, of five that start at once', async () => {
    const home = scratchFolder()
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => running(home)))
    expect(all.filter(each => each.status === 'fulfilled')).toHaveLength(1)
    for (const each of all)
      if (each.status === 'rejected')
        expect(each.reason).toMatchObject({ code: 'already-running', facts: { pid: process.pid } })
    expect(await callDaemon('status', { home })).toMatchObject({ pid: process.pid, home })
  })

  test('takes over from one that was killed, with all it left behind', async () => {
    const home = scratchFolder()
    const paths = homePaths(home)
    const killed = await processOf(home)
    await expect(runDaemon({ home })).rejects.toMatchObject({
      code: 'already-running',
      facts: { pid: killed.pid },
    })
    expect(looseFiles(paths)).toEqual([])
    killed.kill('SIGKILL')
    await once(killed, 'exit')
    expect([existsSync(paths.socket), readDaemonFile(paths)?.pid]).toEqual([true, killed.pid])
    await running(home)
    expect(await callDaemon('status', { home })).toMatchObject({ pid: process.pid })
  })

  test('leaves neither socket nor daemon.json, and only private files', async () => {
    const home = scratchFolder()
    const paths = homePaths(home)
    const daemon = await running(home)
    expect(statSync(paths.socket).mode & 0o777).toBe(0o600)
    expect(looseFiles(paths)).toEqual([])
    await daemon.stop()
    await daemon.stop()
    expect([existsSync(paths.socket), existsSync(paths.daemonFile)]).toEqual([false, false])
    expect(looseFiles(paths)).toEqual([])
  })

  test('ends when its API says so, and tells who follows', async () => {
    const home = scratchFolder()
    const daemon = await running(home)
    const lines = await followDaemon('inbox', { home, query: { follow: true } })
    await callDaemon('shutdown', { home })
    for await (const line of lines) expect(line).toBeUndefined()
    await daemon.stopped
    await expect(callDaemon('status', { home })).rejects.toMatchObject({ code: 'unreachable' })
  })

  test('serves a home whose path is too long for a socket, from a folder that nobody else laid', async () => {
    const home = join(scratchFolder(), 'x'.repeat(100))
    const paths = homePaths(home)
    expect(paths.socketFolder).not.toBe(paths.home)
    const daemon = await running(home)
    expect(statSync(paths.socketFolder).mode & 0o777).toBe(0o700)
    expect(await callDaemon('status', { home })).toMatchObject({ home })
    await daemon.stop()
    const other = join(scratchFolder(), 'y'.repeat(100))
    const laid = homePaths(other).socketFolder
    mkdirSync(dirname(laid), { recursive: true })
    symlinkSync(scratchFolder(), laid)
    onTestFinished(() => Bun.file(laid).unlink())
    await expect(runDaemon({ home: other })).rejects.toMatchObject({ code: 'forbidden' })
  })

  test('answers whoever waits when it ends, honestly', async () => {
    const { server, alice } = await pair()
    await server.stop()
    const waits = alice.send('bob', 'x', { wait: 'delivered', timeoutMs: 60_000 })
    await expect.poll(() => alice.call('outbox')).toHaveLength(1)
    await alice.stop()
    expect(await waits).toMatchObject({ reached: false, recipients: [{ state: 'pending' }] })
  })
})

describe('damaged files', () => {
  test('of one mesh are told, and stop neither the daemon nor another mesh; nothing is made anew', async () => {
    const { server, alice } = await pair()
    await alice.call('createMesh', { body: { name: 'work', broker: server.url, memberName: 'alice' } })
    const [first] = await alice.call<{ id: string; name: string }[]>('meshes')
    await alice.stop()
    const file = join(homePaths(alice.home).meshes, first!.id, 'member.json')
    writeFileSync(file, '{"version":1}')
    await alice.start()
    expect((await alice.call<unknown[]>('meshes')).length).toBe(1)
    expect(await alice.call('status')).toMatchObject({ problems: [{ code: 'integrity', mesh: first!.id }] })
    const checks = await alice.call<{ name: string; ok: boolean; fix: string | null }[]>('doctor')
    expect(checks.filter(check => !check.ok)).toMatchObject([{ fix: expect.stringContaining('backup') }])
    expect(readFileSync(file, 'utf8')).toBe('{"version":1}')
  })

  test('of a session are told when it is opened; it gets no new key', async () => {
    const { bob } = await pair()
    await bob.open(UUID, { name: 'api' })
    const [mesh] = await bob.call<{ id: string }[]>('meshes')
    await bob.stop()
    const file = join(homePaths(bob.home).sessions, mesh!.id, `${UUID}.json`)
    writeFileSync(file, '')
    await bob.start()
    await expect(bob.open(UUID)).rejects.toMatchObject({ code: 'integrity' })
    expect(readFileSync(file, 'utf8')).toBe('')
    expect(await bob.call('status')).toMatchObject({ problems: [{ code: 'integrity' }] })
    await bob.open('22222222-2222-4333-8444-555555555555', { name: 'web' })
  })

  test('of the token are told before anything starts', async () => {
    const at = await machine()
    await at.stop()
    writeFileSync(homePaths(at.home).token, 'short')
    await expect(at.start()).rejects.toMatchObject({ code: 'integrity' })
    writeFileSync(homePaths(at.home).token, `${'A'.repeat(43)}\n`)
    await at.start()
  })
})
