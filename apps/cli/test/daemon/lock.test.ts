import { Database } from 'bun:sqlite'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { takeLock } from '../../src/daemon/lock.ts'
import { isAlive, processIdentity } from '../../src/daemon/process-identity.ts'
import { scratchFolder } from './scratch.ts'

const LOCK = fileURLToPath(new URL('../../src/daemon/lock.ts', import.meta.url))
const holder = (path: string) => {
  const code = `const { takeLock } = await import(${JSON.stringify(LOCK)})
    try { takeLock(${JSON.stringify(path)}); console.log('won') } catch (e) { console.log(e.code) }
    setInterval(() => {}, 1e6)`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said = once(createInterface(child.stdout), 'line').then(([line]) => line as string)
  return { child, said }
}

describe('the lock of a home', () => {
  test('is won by exactly one of five that start at once, also where a killed holder left it', async () => {
    const path = join(scratchFolder(), 'daemon.lock')
    for (let round = 0; round < 2; round++) {
      const racers = Array.from({ length: 5 }, () => holder(path))
      const said = await Promise.all(racers.map(racer => racer.said))
      expect(said.toSorted()).toEqual([...Array(4).fill('already-running'), 'won'])
      for (const { child } of racers) {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
    }
  })

  test('is free again when it is released, and names who holds it', () => {
    const path = join(scratchFolder(), 'daemon.lock')
    const lock = takeLock(path)
    expect(() => takeLock(path)).toThrow(expect.objectContaining({ facts: { pid: process.pid } }))
    lock.release()
    takeLock(path).release()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('that is damaged is told, with what to do', () => {
    const path = join(scratchFolder(), 'daemon.lock')
    writeFileSync(path, 'no lock at all '.repeat(500))
    expect(() => takeLock(path)).toThrow(expect.objectContaining({ code: 'integrity' }))
    rmSync(path)
    takeLock(path).release()
  })

  test('is not held by a process that merely has the pid of the one that died', () => {
    const path = join(scratchFolder(), 'daemon.lock')
    takeLock(path)
    const database = new Database(path)
    database.run('UPDATE holder SET identity = ?', ['another boot/1'])
    database.close()
    takeLock(path).release()
  })
})

test('a process is told apart by when it started', () => {
  const mine = processIdentity(process.pid)!
  expect(isAlive(process.pid, mine)).toBe(true)
  expect(isAlive(process.pid, `${mine}0`)).toBe(false)
  expect(isAlive(2 ** 22 + 1, mine)).toBe(false)
  expect(processIdentity(2 ** 22 + 1)).toBeUndefined()
})
