import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { expect, test } from 'vitest'
import { identitiesByPs, processIdentity } from './process-identity.ts'
import { ProcessTable } from './process-table.ts'

const sleeper = () => spawn('sleep', ['600'], { stdio: 'ignore' })

test('a process is told by its identity for as long as it lives', async () => {
  const table = new ProcessTable()
  const [first, second] = [sleeper(), sleeper()]
  const pids = [first.pid!, second.pid!]
  const both = new Map(pids.map(pid => [pid, processIdentity(pid)!]))
  for (let look = 0; look < 3; look++) expect(table.identities(pids)).toEqual(both)
  first.kill('SIGKILL')
  await once(first, 'exit')
  both.delete(first.pid!)
  expect(table.identities(pids)).toEqual(both)
  expect(table.identities(pids)).toEqual(both)
  second.kill('SIGKILL')
  await once(second, 'exit')
  expect(table.identities(pids)).toEqual(new Map())
  table.stop()
})

test.runIf(process.platform === 'linux')(
  'a file is open for who is asked for, and for nobody else',
  async () => {
    const table = new ProcessTable()
    const child = sleeper()
    const stat = `/proc/${child.pid}/stat`
    const open = () =>
      readdirSync('/proc/self/fd').filter(fd => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) === stat
        } catch {
          return false
        }
      }).length
    for (let look = 0; look < 3; look++)
      table.look(() => {
        table.identities([])
        expect(table.startOf(child.pid!)).toBe(processIdentity(child.pid!)!.split('/')[1])
      })
    expect(open()).toBe(1)
    table.look(() => table.identities([]))
    expect(open()).toBe(0)
    table.startOf(child.pid!)
    expect(open()).toBe(1)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(table.startOf(child.pid!)).toBeUndefined()
    expect(open()).toBe(0)
  },
)

test.runIf(process.platform === 'linux')(
  'within one look a process is looked at once, outside of it each time',
  () => {
    const table = new ProcessTable()
    const child = sleeper()
    const pid = child.pid!
    const started = processIdentity(pid)!.split('/')[1]
    table.look(() => {
      expect(table.startOf(pid)).toBe(started)
      process.kill(pid, 'SIGKILL')
      // Dead from here on, for who looks anew.
      while (processIdentity(pid) !== undefined);
      expect(table.startOf(pid)).toBe(started)
    })
    expect(table.startOf(pid)).toBeUndefined()
    table.look(() => expect(table.startOf(pid)).toBeUndefined())
    table.stop()
  },
)

test.runIf(Bun.which('ps') !== null)('where there is no /proc one ps tells of all of them', async () => {
  const began = Date.now()
  const child = sleeper()
  const found = identitiesByPs([process.pid, child.pid!])
  expect([...found.keys()].toSorted()).toEqual([process.pid, child.pid!].toSorted())
  // Linux reckons it from the boot, to the second or two.
  expect(Math.abs(Date.parse(`${found.get(child.pid!)} UTC`) - began)).toBeLessThan(60_000)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(identitiesByPs([child.pid!])).toEqual(new Map())
  expect(identitiesByPs([])).toEqual(new Map())
})
