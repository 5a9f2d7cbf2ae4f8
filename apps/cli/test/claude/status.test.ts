import {
  type BrokerProcess,
  claudeForTests,
  freshDatabase,
  type Machine,
  makeMachine,
  openTerminal,
  sessionFile,
  startBrokerProcess,
  startModelStub,
  stopSharedPostgres,
  type Terminal,
} from '@claudemesh/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { callDaemon } from '../../src/api/client.ts'
import type { Peer } from '../../src/api/schema.ts'
import { homePaths } from '../../src/home/index.ts'

const claude = claudeForTests()
if (claude === undefined) console.warn('skipped: no real claude (set CLAUDE_BIN or put claude on PATH)')

describe.skipIf(claude === undefined)('what a peer sees of a live session', { timeout: 120_000 }, () => {
  const model = startModelStub()
  let database: Awaited<ReturnType<typeof freshDatabase>>
  let broker: BrokerProcess
  let alice: Machine
  let bob: Machine
  let terminal: Terminal
  let started = 0

  beforeAll(async () => {
    database = await freshDatabase()
    broker = await startBrokerProcess(database.url)
    const env = { CLAUDE_BIN: claude! }
    ;[alice, bob] = await Promise.all([makeMachine(model.url, env), makeMachine(model.url, env)])
    await alice.json('mesh', 'create', 'home', '--broker', broker.url, '--as-name', 'alice')
    const [invite] = await alice.json<{ link: string }>('invite')
    await bob.json('join', invite!.link, '--name', 'bob', '-y')
  })
  afterAll(async () => {
    await alice?.close()
    await bob?.close()
    await broker?.close()
    await database?.drop()
    await stopSharedPostgres()
    await model.close()
  })

  beforeEach(async () => {
    const command = bob.command(
      'launch',
      '-y',
      '--name',
      `web-${++started}`,
      '--',
      '--permission-mode',
      'manual',
    )
    terminal = openTerminal(bob, command)
    await terminal.shows(/manual mode on/)
    await shows({ status: 'idle' })
  })
  afterEach(() => terminal.close())

  const peer = async (): Promise<Peer | undefined> => {
    const { home, token } = homePaths(alice.mesh)
    const peers = await callDaemon('peers', { home, token: (await Bun.file(token).text()).trim() })
    return (peers as Peer[]).find(each => each.name === `bob/web-${started}`)
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
    const { pid } = await sessionFile(bob, file => file.status === 'busy')
    process.kill(pid, 'SIGKILL')
    await terminal.ended()
    await shows({ status: 'closed', online: false })
    model.release('dying')
  })
})
