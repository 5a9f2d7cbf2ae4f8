import { sessionFile, type Terminal } from '@claudemesh/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Peer } from '../../src/api/schema.ts'
import { ask, claude, launchOn, twoPeople } from './two-people.ts'

describe.skipIf(claude === undefined)('what a peer sees of a live session', { timeout: 120_000 }, () => {
  const people = twoPeople()
  const { model } = people
  let terminal: Terminal
  let started = 0

  beforeEach(async () => {
    terminal = await launchOn(people.bob, '--name', `web-${++started}`)
    await shows({ status: 'idle' })
  })
  afterEach(() => terminal.close())

  const peer = async (): Promise<Peer | undefined> => {
    const peers = await ask<Peer[]>(people.alice, 'peers')
    return peers.find(each => each.name === `bob/web-${started}`)
  }
  const shows = (what: Partial<Peer>) => expect.poll(peer, { timeout: 20_000 }).toMatchObject(what)

  test('is a turn, the dialog it waits at and for what, and the end by Esc that no hook tells of', async () => {
    await terminal.submit('HOLD thinking\nCALL Bash {"command":"touch asked"}\nSAY done')
    await model.holding('thinking')
    await shows({ status: 'working' })
    model.release('thinking')
    await terminal.shows(/Do you want to proceed/)
    await shows({ status: 'waiting', statusSource: 'sessions-file' })
    expect((await peer())!.waitingFor).not.toBe('')
    await terminal.pressAway('Escape', /Do you want to proceed/)
    await shows({ status: 'idle', waitingFor: '' })
  })

  test('is idle after an API error, for which there is no Stop hook', async () => {
    await terminal.submit('FAIL 400 invalid_request_error')
    await terminal.shows(/API Error/)
    await shows({ status: 'idle' })
  })

  test('is closed once it was killed with no word', async () => {
    await terminal.submit('HOLD dying')
    await model.holding('dying')
    await shows({ status: 'working' })
    const { pid } = await sessionFile(people.bob, file => file.status === 'busy')
    process.kill(pid, 'SIGKILL')
    await terminal.ended()
    await shows({ status: 'closed', online: false })
    model.release('dying')
  })
})
