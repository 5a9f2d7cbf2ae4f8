import { sessionFile, type Terminal } from '@claudemesh/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Peer, TraceStep } from '../../src/api/schema.ts'
import { ask, claude, launchOn, twoPeople } from './two-people.ts'

interface Row {
  uuid: string
  session: string
  name: string
}

describe.skipIf(claude === undefined)('a live session stays who it is', { timeout: 240_000 }, () => {
  const people = twoPeople()
  const { model } = people

  const launched = async (...args: string[]): Promise<Terminal> => {
    const terminal = await launchOn(people.bob, ...args)
    onTestFinished(() => terminal.close())
    return terminal
  }
  const openOnes = async (): Promise<Row[]> =>
    (await ask<(Row & { open: boolean })[]>(people.bob, 'sessions'))
      .filter(({ open }) => open)
      .map(({ uuid, session, name }) => ({ uuid, session, name }))
  /** The one open session that is another than these; told to Alice. */
  const another = async (...known: string[]): Promise<Row> => {
    await expect
      .poll(async () => (await openOnes()).map(({ uuid }) => known.includes(uuid)), { timeout: 20_000 })
      .toEqual([false])
    const [row] = await openOnes()
    await shows(row!.name, { uuid: row!.uuid, online: true })
    return row!
  }
  const shows = (name: string, what: Partial<Peer>) =>
    expect
      .poll(async () => ask<Peer[]>(people.alice, 'peers'), { timeout: 20_000 })
      .toContainEqual(expect.objectContaining({ name: `bob/${name}`, ...what }))
  const write = async (to: string, text: string): Promise<string> => {
    const body = { to: [to], text, wait: 'delivered' }
    return (await ask<{ id: string }>(people.alice, 'send', { body })).id
  }
  /** What Alice is told of her message, by whom the receipts are signed. */
  const story = async (id: string): Promise<string[]> =>
    (await ask<TraceStep[]>(people.alice, 'trace', { params: { id } }))
      .filter(({ by, verified }) => by.startsWith('bob/') && verified)
      .map(({ state, why, by }) => `${by} ${[state, why].filter(Boolean).join(' ')}`)
  const tells = (id: string, steps: string[]) =>
    expect.poll(() => story(id), { timeout: 20_000 }).toEqual(steps)
  /** The turn is over; what the client shows of it depends on the way the message came. */
  const rests = (uuid: string) =>
    sessionFile(people.bob, file => file.sessionId === uuid && file.status === 'idle')
  const reads = (id: string) => model.seen(request => request.whole.includes(`== message ${id}`))

  test('through /clear, compaction, /branch, /resume, /exit and a new start; a message at each of them tells its true story', async () => {
    const terminal = await launched('--name', 'web')
    const first = await another()
    await terminal.submit('SAY begun')
    await terminal.shows(/● begun/)

    await terminal.submit('/clear')
    const cleared = await another(first.uuid)
    expect(cleared).toMatchObject({ name: 'web', session: first.session })
    const atClear = await write(first.uuid, 'SAY read after the clear')
    await reads(atClear)
    await tells(atClear, ['bob/web delivered', 'bob/web surfaced'])

    await terminal.submit('/compact')
    await terminal.shows(/Compacted/)
    expect(await another()).toEqual(cleared)
    const compacted = await write('bob/web', 'SAY read after the compaction')
    await reads(compacted)
    await tells(compacted, ['bob/web delivered', 'bob/web surfaced'])

    await rests(cleared.uuid)
    await terminal.submit('/branch')
    const branch = await another(cleared.uuid)
    expect(branch.name).toBe('web-2')
    expect(branch.session).not.toBe(first.session)
    await shows('web', { status: 'closed' })
    const left = await write('bob/web', 'SAY kept for the one it left')
    await tells(left, ['bob/web delivered', 'bob/web held closed'])
    const inBranch = await write('bob/web-2', 'SAY read in the branch')
    await reads(inBranch)
    await tells(inBranch, ['bob/web-2 delivered', 'bob/web-2 surfaced'])

    await rests(branch.uuid)
    await terminal.submit(`/resume ${cleared.uuid}`)
    expect(await another(branch.uuid)).toEqual(cleared)
    await reads(left)
    await tells(left, ['bob/web delivered', 'bob/web held closed', 'bob/web surfaced'])

    await rests(cleared.uuid)
    await terminal.submit('/exit')
    await terminal.ended()
    await shows('web', { status: 'closed' })
    const closed = await write('bob/web', 'SAY read in a new process')
    await tells(closed, ['bob/web delivered', 'bob/web held closed'])
    const again = await launched('--continue')
    expect(await another()).toEqual(cleared)
    await reads(closed)
    await tells(closed, ['bob/web delivered', 'bob/web held closed', 'bob/web surfaced'])
    await rests(cleared.uuid)

    // Who goes back to what was cleared sits in a session of its own.
    await again.submit(`/resume ${first.uuid}`)
    const old = await another(cleared.uuid)
    expect(old.uuid).toBe(first.uuid)
    expect(old.session).not.toBe(first.session)
  })
})
