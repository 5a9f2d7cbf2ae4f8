import { cpSync, rmSync } from 'node:fs'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, test } from 'vitest'
import type { Check } from '../../src/daemon/doctor.ts'
import { scratchFolder } from './scratch.ts'
import { pair } from './world.ts'

afterAll(stopSharedPostgres)

test('a home put back from a copy says so, and what it sends is neither late nor taken for a repeat', async () => {
  const { alice, bob } = await pair()
  await alice.send('bob', 'before the copy')
  await alice.stop()
  const copy = scratchFolder()
  cpSync(alice.home, copy, { recursive: true })
  await alice.start()
  await alice.send('bob', 'after the copy')
  await alice.stop()
  rmSync(alice.home, { recursive: true })
  cpSync(copy, alice.home, { recursive: true })
  await alice.start()
  const state = async () =>
    (await alice.call<Check[]>('doctor')).filter(check => check.name === 'home: state')
  expect(await state()).toEqual([
    expect.objectContaining({ ok: false, message: expect.stringContaining('restored from a copy') }),
  ])
  await alice.send('bob', 'from the copy')
  const got = await bob.inbox({ all: true })
  expect(got.map(({ text, late, warning }) => [text, late, warning])).toEqual([
    ['before the copy', false, null],
    ['after the copy', false, null],
    ['from the copy', false, null],
  ])
  await alice.stop()
  await alice.start()
  expect(await state()).toEqual([])
})
