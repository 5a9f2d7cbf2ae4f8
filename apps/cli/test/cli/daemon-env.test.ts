import { existsSync, readFileSync } from 'node:fs'
import { makeMachine } from '@claudemesh/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { daemonEnv } from '../../src/up/daemon-env.ts'

test.skipIf(!existsSync('/proc/self/environ'))(
  'a daemon that is started runs with what is set for it, and Bun takes all of it',
  async () => {
    const machine = await makeMachine('http://127.0.0.1:1')
    onTestFinished(() => machine.close())
    const found = readFileSync(`/proc/${machine.daemonPid()}/environ`, 'utf8').split('\0')
    const wanted = Object.entries(daemonEnv(machine.mesh)).map(([name, value]) => `${name}=${value}`)
    expect(wanted.length).toBeGreaterThan(1)
    expect(found).toEqual(expect.arrayContaining(wanted))
    const [status] = await machine.json<{ pid: number }>('daemon', 'status')
    expect(status?.pid).toBe(machine.daemonPid())
  },
)
