import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fromBase64url } from '@claudemesh/protocol'
import {
  databaseText,
  filesText,
  type Machine,
  processesText,
  sessionFile,
  spellings,
  type Terminal,
} from '@claudemesh/testkit'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { claude, launchOn, promptOn, twoPeople } from './two-people.ts'

const TOOL = 'mcp__plugin_claudemesh_mesh__'
const FRAMED = /== message ([0-9a-f-]{36}) from/g

interface SessionRow {
  uuid: string
  session: string
  name: string
  open: boolean
}

describe.skipIf(claude === undefined)('two people with a claude each', { timeout: 180_000 }, () => {
  const people = twoPeople()
  const { model } = people
  const terminals: Terminal[] = []
  const left = { database: '' }
  afterAll(async () => {
    for (const terminal of terminals) await terminal.close()
  })

  const onTerminal = async (machine: Machine, ...args: string[]): Promise<void> => {
    terminals.push(await launchOn(machine, ...args))
  }
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
    await onTerminal(people.bob, '--name', 'web')
    await becomes(
      () => people.alice.json<{ name: string; online: boolean }>('peers'),
      peers => peers.some(peer => peer.name === 'bob/web' && peer.online),
    )
    const words = [
      'the word is heliotrope-41',
      'ECHO heliotr[o]pe-\\d+',
      send('alice/api', 'got it: petunia-7'),
    ]
    const asking = promptOn(
      people.alice,
      [send('bob/web', words.join('\n')), `HOLD answer`, `CALL ${TOOL}mesh_peers {}`, 'ECHO petuni[a]-\\d'],
      '--name',
      'api',
    )
    await terminals[0]!.shows(/● ECHO heliotrope-41/)
    const atBob = model.requests.find(
      r => r.whole.includes('== message') && r.whole.includes('heliotrope-41'),
    )
    expect(atBob?.whole).toContain('from \\"alice/api\\", key not verified by your user')
    await model.holding('answer')
    await becomes(
      () => people.alice.json<{ text: string }>('inbox', '--as', 'api', '--peek', '--all'),
      inbox => inbox.some(({ text }) => text.includes('petunia-7')),
    )
    model.release('answer')
    const answered = await asking
    expect(answered).toMatchObject({ code: 0, stdout: 'ECHO petunia-7\n' })
  })

  test('ten messages written while one was closed come when it is resumed: same key, in order, once', async () => {
    const before = await sessionNamed(people.bob, 'web')
    await terminals[0]!.submit('/exit')
    await terminals[0]!.ended()
    expect((await sessionNamed(people.bob, 'web')).open).toBe(false)
    const { uuid } = await sessionNamed(people.alice, 'api')
    const texts = Array.from({ length: 10 }, (_, n) => `note ${n} of ten`)
    const said = await promptOn(
      people.alice,
      [...texts.map(text => send('bob/web', text)), 'SAY all said'],
      '--resume',
      uuid,
      '--name',
      'api',
    )
    expect(said).toMatchObject({ code: 0, stdout: 'all said\n' })
    const accepted = [
      ...model.requests.at(-1)!.whole.matchAll(/message ([0-9a-f-]{36})\\nbob\/web \(key not verified\): /g),
    ].map(m => m[1]!)
    const ids = accepted.slice(-10)
    expect(
      new Set(ids).size,
      model.requests
        .at(-1)!
        .whole.match(/"tool_result".{0,400}/g)
        ?.slice(-3)
        .join(),
    ).toBe(10)

    // While they are queued: afterwards their rows are gone.
    left.database = await databaseText(people.databaseUrl)
    await people.bob.cli('daemon', 'stop')
    await people.broker.end('SIGTERM')
    await people.broker.start()
    await people.bob.cli('daemon', 'start')
    await onTerminal(people.bob, '--resume', before.uuid, '--name', 'web')
    const request = await model.seen(r => ids.every(id => r.whole.includes(`== message ${id}`)))
    const shown = [...request.whole.matchAll(FRAMED)].map(m => m[1]!).filter(id => ids.includes(id))
    expect(shown).toEqual(ids)
    for (const text of texts) expect(request.whole.split(`| ${text}`)).toHaveLength(2)
    expect((await sessionNamed(people.bob, 'web')).session).toBe(before.session)
    await sessionFile(people.bob, file => file.sessionId === before.uuid && file.status === 'idle')
    const traces = await becomes(
      () => Promise.all(ids.map(id => people.alice.json<{ state: string; verified: boolean }>('trace', id))),
      all => all.every(steps => steps.some(step => step.state === 'surfaced' && step.verified)),
    )
    expect(traces).toHaveLength(10)
  })

  test('a headless one needs no terminal: mail wakes it, lines on its stdin too, and it lives until it is ended', async () => {
    const [bun, ...args] = people.bob.command('launch', '-y', '--headless', '--name', 'night')
    const night = spawn(bun!, args, {
      cwd: people.bob.cwd,
      env: people.bob.env,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    onTestFinished(() => void night.kill('SIGKILL'))
    const ended = new Promise<unknown[]>(resolve => night.on('exit', (...how) => resolve(how)))
    const lines = createInterface({ input: night.stdout })[Symbol.asyncIterator]()
    /** The next result it tells of. */
    const result = async (): Promise<Record<string, unknown>> => {
      for (;;) {
        const { value, done } = await lines.next()
        if (done === true) throw new Error('it ended')
        const line = JSON.parse(value) as Record<string, unknown>
        if (line.type === 'result') return line
      }
    }
    await becomes(
      () => people.alice.json<{ name: string; online: boolean }>('peers'),
      peers => peers.some(peer => peer.name === 'bob/night' && peer.online),
    )
    await people.alice.json('send', 'bob/night', 'SAY read at night: peony-3')
    const first = await result()
    const { uuid } = await sessionNamed(people.bob, 'night')
    expect(first).toMatchObject({ session_id: uuid })
    expect(model.requests.some(r => r.whole.includes('| SAY read at night: peony-3'))).toBe(true)
    const turn = { type: 'user', message: { role: 'user', content: 'SAY told by its stdin' } }
    night.stdin.end(`${JSON.stringify(turn)}\n`)
    expect(await result()).toMatchObject({ result: 'told by its stdin' })
    // Its stdin has ended; it has not.
    await people.alice.json('send', 'bob/night', 'SAY and again: peony-4')
    expect(await result()).toMatchObject({ session_id: uuid })
    expect((await sessionNamed(people.bob, 'night')).open).toBe(true)
    night.kill('SIGTERM')
    expect(await ended).toEqual([143, null])
    expect((await sessionNamed(people.bob, 'night')).open).toBe(false)
  })

  test('and leave no word or name at the people.broker, and no secret outside its file', async () => {
    left.database += await databaseText(people.databaseUrl)
    const { uuid, session } = await sessionNamed(people.bob, 'web')
    const seen = [uuid, Buffer.from(fromBase64url(session)!).toString('hex')]
    for (const text of seen) expect(left.database).toContain(text)
    const words = ['heliotrope-41', 'petunia-7', 'note 3 of ten', 'bob/web', 'alice', people.bob.cwd]
    for (const text of words.flatMap(spellings)) {
      expect(left.database).not.toContain(text)
      expect(people.broker.log()).not.toContain(text)
    }
    const secrets = [...secretsOf(people.alice), ...secretsOf(people.bob)]
    expect(secrets.length).toBeGreaterThanOrEqual(2 * 5)
    const places = {
      database: left.database,
      broker: people.broker.log(),
      processes: processesText(),
      model: JSON.stringify(model.requests),
      ...Object.fromEntries(
        [people.alice, people.bob].flatMap((machine, n) =>
          placesOf(machine).map(([at, text]) => [`${at} ${n}`, text]),
        ),
      ),
    }
    for (const [at, text] of Object.entries(places)) {
      expect(text.length, at).toBeGreaterThan(100)
      for (const spelling of secrets.flatMap(spellings)) expect(text.includes(spelling), at).toBe(false)
    }
  })
})

/** Seeds and secret halves of a machine's key files, and its tokens. */
function secretsOf(machine: Machine): (string | Uint8Array)[] {
  const files = readdirSync(machine.mesh, { recursive: true, encoding: 'utf8' })
  const seeds = files
    .filter(name => /^(meshes|sessions)\/.*\.json$/.test(name))
    .flatMap(name =>
      [...readFileSync(join(machine.mesh, name), 'utf8').matchAll(SECRET_FIELD)].map(
        m => fromBase64url(m[1]!)!,
      ),
    )
  const tokens = files
    .filter(name => /(^|\.)token$/.test(name))
    .map(name => readFileSync(join(machine.mesh, name), 'utf8').trim())
  return [...seeds, ...tokens]
}

const SECRET_FIELD = /"(?:seed|memberSeed|x25519|xwing)": "([\w-]{43})"/g

/** Where a machine writes what is no secret file: logs, and all that Claude Code keeps. */
const placesOf = (machine: Machine): [string, string][] => [
  ['logs', filesText(join(machine.mesh, 'logs'))],
  ['claude', filesText(join(machine.home, '.claude'))],
]
