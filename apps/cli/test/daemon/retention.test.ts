import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, test } from 'vitest'
import { pair, readToken } from './world.ts'

afterAll(stopSharedPostgres)

test('retention is shown and set by the user alone, and survives a restart', async () => {
  const { alice } = await pair()
  const shown = () => alice.call<{ mesh: string; retentionMs: number }>('retention')
  const set = (retentionMs: unknown, token?: string) =>
    alice.call('setRetention', { body: { retentionMs }, ...(token === undefined ? {} : { token }) })
  expect(await shown()).toEqual({ mesh: 'home', retentionMs: 30 * 86_400_000 })
  await set(7 * 86_400_000)
  await alice.stop()
  await alice.start()
  expect((await shown()).retentionMs).toBe(7 * 86_400_000)
  for (const [bad, code] of [
    [1, 'usage'],
    [-1, 'bad-field'],
    ['7d', 'bad-field'],
    [undefined, 'bad-field'],
  ] as const)
    await expect(set(bad)).rejects.toThrow(expect.objectContaining({ code }))
  const { tokenFile } = await alice.open('11111111-2222-4333-8444-555555555555')
  await expect(set(7 * 86_400_000, await readToken(tokenFile))).rejects.toThrow(
    expect.objectContaining({ code: 'forbidden' }),
  )
  expect((await shown()).retentionMs).toBe(7 * 86_400_000)
})
