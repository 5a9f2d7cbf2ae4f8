import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { scratchFolder } from './scratch.ts'
import { pair, readToken } from './world.ts'

afterAll(stopSharedPostgres)

const UUID = '11111111-2222-4333-8444-555555555555'

test('while a machine is paused nothing reaches its sessions, senders are told, and all of it comes with resume', async () => {
  const { alice, bob } = await pair()
  const transcript = join(scratchFolder(), 'projects', 'p', `${UUID}.jsonl`)
  const child = spawn('sleep', ['1000'])
  onTestFinished(() => void child.kill('SIGKILL'))
  const { tokenFile } = await bob.open(UUID, { name: 'api', kind: 'claude', deliver: 'push', pid: child.pid })
  await expect.poll(async () => (await alice.peers()).some(peer => peer.name === 'bob/api')).toBe(true)
  const prompt = async () =>
    JSON.stringify(
      await bob.call('hook', {
        token: await readToken(tokenFile),
        body: { session_id: UUID, hook_event_name: 'UserPromptSubmit', transcript_path: transcript },
      }),
    )
  const { pausedSince } = await bob.call<{ pausedSince: number }>('pause', { body: { paused: true } })
  expect(await bob.call('pause', { body: { paused: true } })).toEqual({ pausedSince })
  const { id } = await alice.send('bob/api', 'the paused words', { priority: 'now' })
  await expect
    .poll(async () => (await alice.trace(id)).map(step => `${step.state} ${step.why ?? ''}`))
    .toContain('held paused')
  expect(await prompt()).toBe('{}')

  await bob.stop()
  await bob.start()
  expect(await bob.call('status')).toMatchObject({ pausedSince, unread: 1 })
  expect(await prompt()).toBe('{}')

  expect(await bob.call('pause', { body: { paused: false } })).toEqual({ pausedSince: null })
  expect(await prompt()).toContain('the paused words')
  await expect(
    bob.call('pause', { token: await readToken(tokenFile), body: { paused: true } }),
  ).rejects.toThrow()
})
