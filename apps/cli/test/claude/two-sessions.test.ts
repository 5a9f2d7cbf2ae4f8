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
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const claude = claudeForTests()
if (claude === undefined) console.warn('skipped: no real claude (set CLAUDE_BIN or put claude on PATH)')
const TOOL = 'mcp__plugin_claudemesh_mesh__'
const FRAMED = /== message ([0-9a-f-]{36}) from/g

interface SessionRow {
  uuid: string
  session: string
  name: string
  open: boolean
}

describe.skipIf(claude === undefined)('two people with a claude each', () => {
  const model = startModelStub()
  let database: Awaited<ReturnType<typeof freshDatabase>>
  let broker: BrokerProcess
  let alice: Machine
  let bob: Machine
  const terminals: Terminal[] = []

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
    for (const terminal of terminals) await terminal.close()
    await alice?.close()
    await bob?.close()
    await broker?.close()
    await database?.drop()
    await stopSharedPostgres()
    await model.close()
  })

  const onTerminal = async (machine: Machine, ...args: string[]): Promise<Terminal> => {
    const command = machine.command('launch', '-y', ...args, '--', '--permission-mode', 'manual')
    const terminal = openTerminal(machine, command)
    terminals.push(terminal)
    await terminal.shows(/manual mode on/)
    return terminal
  }
  const headless = (machine: Machine, script: string[], ...args: string[]) =>
    machine.cli('launch', '-y', ...args, '--', '-p', script.join('\n'))
  const send = (to: string, text: string): string => `CALL ${TOOL}mesh_send ${JSON.stringify({ to, text })}`
  const sessionNamed = async (machine: Machine, name: string): Promise<SessionRow> =>
    (await machine.json<SessionRow>('session', 'list')).find(row => row.name === name)!
  /** Asks again, each time a whole process, until it holds. */
  const becomes = async <T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      const answer = await ask()
      if (holds(answer)) return answer
      if (attempt === 40) throw new Error(`still ${JSON.stringify(answer)}`)
    }
  }

  test('talk: an idle terminal gets a turn with the words in its context, and answers', async () => {
    const terminal = await onTerminal(bob, '--name', 'web')
    await becomes(
      () => alice.json<{ name: string; online: boolean }>('peers'),
      peers => peers.some(peer => peer.name === 'bob/web' && peer.online),
    )
    const words = [
      'the word is heliotrope-41',
      'ECHO heliotr[o]pe-\\d+',
      send('alice/api', 'got it: petunia-7'),
    ]
    const asking = headless(
      alice,
      [send('bob/web', words.join('\n')), `HOLD answer`, `CALL ${TOOL}mesh_peers {}`, 'ECHO petuni[a]-\\d'],
      '--name',
      'api',
    )
    await terminal.shows(/● ECHO heliotrope-41/)
    const atBob = model.requests.find(
      r => r.whole.includes('== message') && r.whole.includes('heliotrope-41'),
    )
    expect(atBob?.whole).toContain('from \\"alice/api\\", key not verified by your user')
    await model.holding('answer')
    await becomes(
      () => alice.json<{ text: string }>('inbox', '--as', 'api', '--peek', '--all'),
      inbox => inbox.some(({ text }) => text.includes('petunia-7')),
    )
    model.release('answer')
    const answered = await asking
    expect(answered).toMatchObject({ code: 0, stdout: 'ECHO petunia-7\n' })
  })

  test('ten messages written while one was closed come when it is resumed: same key, in order, once', async () => {
    const before = await sessionNamed(bob, 'web')
    await terminals[0]!.submit('/exit')
    await terminals[0]!.ended()
    expect((await sessionNamed(bob, 'web')).open).toBe(false)
    const { uuid } = await sessionNamed(alice, 'api')
    const texts = Array.from({ length: 10 }, (_, n) => `note ${n} of ten`)
    const said = await headless(
      alice,
      [...texts.map(text => send('bob/web', text)), 'SAY all said'],
      '--resume',
      uuid,
      '--name',
      'api',
    )
    expect(said).toMatchObject({ code: 0, stdout: 'all said\n' })
    const accepted = [...model.requests.at(-1)!.whole.matchAll(/message ([0-9a-f-]{36})\\nbob\/web: /g)].map(
      m => m[1]!,
    )
    const ids = accepted.slice(-10)
    expect(new Set(ids).size).toBe(10)

    await bob.cli('daemon', 'stop')
    await broker.end('SIGTERM')
    await broker.start()
    await bob.cli('daemon', 'start')
    await onTerminal(bob, '--resume', before.uuid, '--name', 'web')
    const request = await model.seen(r => ids.every(id => r.whole.includes(`== message ${id}`)))
    const shown = [...request.whole.matchAll(FRAMED)].map(m => m[1]!).filter(id => ids.includes(id))
    expect(shown).toEqual(ids)
    for (const text of texts) expect(request.whole.split(`| ${text}`)).toHaveLength(2)
    expect((await sessionNamed(bob, 'web')).session).toBe(before.session)
    await sessionFile(bob, file => file.sessionId === before.uuid && file.status === 'idle')
    const traces = await becomes(
      () => Promise.all(ids.map(id => alice.json<{ state: string; verified: boolean }>('trace', id))),
      all => all.every(steps => steps.some(step => step.state === 'surfaced' && step.verified)),
    )
    expect(traces).toHaveLength(10)
  })
})
