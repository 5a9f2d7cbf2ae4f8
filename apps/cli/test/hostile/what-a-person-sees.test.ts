/** A lying broker as its victim meets it: real daemons and the real command line, with the words and exit codes a person gets. */
import { generateSigner, rosterEntryHash, signRosterEntry } from '@claudemesh/crypto'
import { CLOSE, type DeliveredEnvelope, toBase64url } from '@claudemesh/protocol'
import { type Machine, makeMachine } from '@claudemesh/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { fakes } from './attacks/invite.ts'
import { entriesOf } from './forge.ts'
import { invite, type Person } from './people.ts'
import { openTheatre, type Stage, type Theatre } from './stage.ts'

let theatre: Theatre
let stage: Stage
let alice: Person
let bob: Machine
let bobKey: string
beforeAll(async () => {
  theatre = await openTheatre()
  stage = theatre.stage
})
afterAll(() => theatre?.close())
beforeEach(async () => {
  theatre.begin()
  ;[alice, bob] = await Promise.all([stage.people.found(), makeMachine('http://127.0.0.1:1')])
  await bob.json('join', '-y', '--name', 'bob', await invite(alice))
  await stage.until('Alice knows Bob', () => alice.client.view().members === 2)
  bobKey = toBase64url(alice.client.members().find(({ self }) => !self)!.key)
})
afterEach(async () => {
  await bob?.close()
  await theatre.end()
})

const recipient = () => ({ member: alice.client.members().find(({ self }) => !self)!.key, session: null })
const standsAs = (state: string) =>
  expect
    .poll(async () => (await bob.json<{ state: string }>('mesh', 'list'))[0]?.state, { timeout: 30_000 })
    .toBe(state)

/** Exit code and words of a `send`. */
async function refused(): Promise<string> {
  const { code, stdout, stderr } = await bob.cli('send', 'Alice', 'not to be sealed')
  expect(stdout).toBe('')
  return `${code} ${stderr.trim()}`
}
const sentBy = (key: string): number =>
  stage.broker.sent.filter(({ header }) => toBase64url(header.from.member) === key).length

test('a roster that nobody wrote: sending ends with 7, status and doctor say why', async () => {
  const entries = entriesOf(alice)
  const { key } = stage.broker
  const entry = signRosterEntry(
    {
      mesh: alice.identity.mesh,
      seq: entries.length,
      prev: rosterEntryHash(entries.at(-1)!),
      at: Date.now(),
      kind: 'broker',
      author: key.publicKey,
      body: { hosts: ['evil.example'], key: key.publicKey, log: null },
    },
    key,
  )
  const head = rosterEntryHash(entry)
  stage.broker.lie = {
    fromBroker: (frame, { member }) =>
      member === bobKey && frame.type === 'roster'
        ? [{ ...frame, entries: [entry], head, headSeq: entry.seq }]
        : undefined,
  }
  stage.broker.seatOf(recipient()).say({ type: 'roster.changed', seq: entry.seq, head })
  await standsAs('stopped')
  const why = 'roster: this key is no member at this point of the chain'
  expect(await refused()).toBe(
    `7 claudemesh: Nothing is sent in Test mesh: ${why}. Somebody may be lying: ask the owner of the mesh by another way.`,
  )
  expect((await bob.cli('status')).stdout).toContain(`stopped: ${why}`)
  const doctor = await bob.cli('doctor')
  expect(doctor.code).toBe(1)
  expect(doctor.stdout).toContain('nothing is sealed until this is clear: ask the owner of the mesh')
  expect(sentBy(bobKey)).toBe(0)
})

test('another broker at the address while the daemon was away: sending ends with 7', async () => {
  await bob.cli('daemon', 'stop')
  fakes(stage, { mesh: alice.identity.mesh, entries: entriesOf(alice) }, bobKey)
  const { fromBroker } = stage.broker.lie
  const brokerKey = generateSigner().publicKey
  stage.broker.lie = {
    ...stage.broker.lie,
    fromBroker: (frame, seat) =>
      frame.type === 'challenge' ? [{ ...frame, brokerKey }] : fromBroker?.(frame, seat),
  }
  await bob.cli('daemon', 'start')
  await standsAs('stopped')
  const why = 'the roster names another broker key than the one that answers'
  expect(await refused()).toContain(`7 claudemesh: Nothing is sent in Test mesh: ${why}.`)
  expect(sentBy(bobKey)).toBe(0)
})

test('a mesh of its own behind a real link: joining ends with 7 and leaves nothing', async () => {
  const eve = await stage.people.found('Eve')
  await invite(eve)
  const link = await invite(alice)
  fakes(stage, { mesh: eve.identity.mesh, entries: entriesOf(eve) })
  const carol = await makeMachine('http://127.0.0.1:1')
  try {
    const joined = await carol.cli('join', '-y', '--name', 'carol', link)
    expect([joined.code, joined.stderr]).toEqual([
      7,
      'claudemesh: the roster does not hold the invite of this link\n',
    ])
    expect(await carol.json('mesh', 'list')).toEqual([])
  } finally {
    await carol.close()
  }
})

test('a message accepted and swallowed: who waits for delivered is never told so', async () => {
  stage.broker.lie = {
    fromBroker: (frame, { member }) => (frame.type === 'deliver' && member === alice.key ? [] : undefined),
  }
  const sent = await bob.cli('send', 'Alice', 'hello', '--wait', 'delivered', '--timeout', '1s')
  expect(sent.code).toBe(1)
  expect(sent.stdout).toContain('accepted')
  expect(sent.stderr).toContain('not delivered everywhere yet')
})

test('a message changed on its way: it comes as it was written all the same, and doctor tells of the other', async () => {
  const inbox = async () => (await bob.cli('doctor')).stdout.split('\n').find(line => /: inbox:/.test(line))
  const sentChanged = async (text: string, change: (one: DeliveredEnvelope) => DeliveredEnvelope) => {
    let lied = false
    stage.broker.lie = {
      fromBroker(frame, { member }) {
        if (lied || frame.type !== 'deliver' || member !== bobKey) return undefined
        lied = true
        const [first, ...rest] = frame.deliveries
        return [{ ...frame, deliveries: [{ ...first!, envelope: change(first!.envelope) }, ...rest] }]
      },
    }
    const msg = await alice.send([recipient()], text)
    await stage.until('the message is delivered', () => alice.stateOf(msg) === 'delivered')
  }
  const flip = (bytes: Uint8Array) => bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte))
  expect(await inbox()).toMatch(/^✓ .*: all that came in a day opened$/)
  await sentChanged('sealed to a key that was erased', one => {
    const [mine, ...others] = one.header.to
    const to = [{ ...mine!, prekeyId: flip(mine!.prekeyId) }, ...others]
    return { ...one, header: { ...one.header, to } }
  })
  expect(await inbox()).toMatch(/^✓ .*: 1 of a day did not open, each for an erased key/)
  await sentChanged('as written', one => ({ ...one, body: flip(one.body) }))
  expect(await inbox()).toMatch(
    /^✗ .*: 1 of a day did not open \(body\), the last at .*; its header says it is from Alice$/,
  )
  expect((await bob.cli('inbox')).stdout).toContain('as written')
})

test('a removal that never was: sending ends with 4, and says that it is the word of the broker alone', async () => {
  stage.broker.seatOf(recipient()).close(CLOSE.removed.code, CLOSE.removed.reason)
  await standsAs('removed')
  expect(await refused()).toBe(
    '4 claudemesh: The broker says that you were removed from Test mesh, and has shown no proof: nothing can be sent there. Ask its owner.',
  )
})
