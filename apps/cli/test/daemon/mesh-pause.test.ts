import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { scratchFolder } from './scratch.ts'
import { admit, machine, pair, readToken } from './world.ts'

afterAll(stopSharedPostgres)

const UUID = '11111111-2222-4333-8444-555555555555'
/** However slow the machine is. */
const soon = <T>(look: () => T) => expect.poll(look, { timeout: 30_000 })

test('an admin pauses the whole mesh: everywhere mail is held and told so, over restarts, until it goes on for all', async () => {
  const { server, alice, bob } = await pair()
  const carol = await machine()
  await admit(alice, carol, 'carol')
  await alice.call('setRole', { params: { member: 'carol' }, body: { role: 'admin' } })
  const transcript = join(scratchFolder(), 'projects', 'p', `${UUID}.jsonl`)
  const child = spawn('sleep', ['1000'])
  onTestFinished(() => void child.kill('SIGKILL'))
  const { tokenFile } = await bob.open(UUID, { name: 'api', kind: 'claude', deliver: 'push', pid: child.pid })
  await soon(async () => (await alice.peers()).some(peer => peer.name === 'bob/api')).toBe(true)
  const prompt = async () =>
    JSON.stringify(
      await bob.call('hook', {
        token: await readToken(tokenFile),
        body: { session_id: UUID, hook_event_name: 'UserPromptSubmit', transcript_path: transcript },
      }),
    )
  const pause = (who: typeof bob, paused: boolean) =>
    who.call('pauseMesh', { params: { mesh: 'home' }, body: { paused } })
  const pausedAt = async (who: typeof bob) =>
    (await who.call<{ paused: { by: string } | null }[]>('meshes'))[0]!.paused?.by ?? null

  await expect(pause(bob, true)).rejects.toMatchObject({ code: 'forbidden' })
  await soon(async () => (await pause(carol, true).catch(() => ({ paused: null }))) as object).toMatchObject({
    paused: { by: 'carol' },
  })
  for (const who of [alice, bob]) await soon(() => pausedAt(who)).toBe('carol')
  const { id } = await alice.send('bob/api', 'the paused words', { priority: 'now' })
  await soon(async () => (await alice.trace(id)).map(step => `${step.state} ${step.why ?? ''}`)).toContain(
    'held mesh-paused',
  )
  expect(await prompt()).toBe('{}')

  // Neither a restart nor a broker that is away lets anything through.
  await bob.stop()
  await server.stop()
  await bob.start()
  expect(await prompt()).toBe('{}')
  await server.start()
  await soon(
    async () => (await pause(alice, false).catch(() => ({ paused: 'not yet' }))) as object,
  ).toMatchObject({
    paused: null,
  })
  await soon(() => pausedAt(bob)).toBeNull()
  expect(await prompt()).toContain('the paused words')
}, 120_000)
