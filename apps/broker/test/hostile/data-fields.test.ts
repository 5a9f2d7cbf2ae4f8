/** Every field of the binary frames, each with what it must not hold: the result or error says which, and the rest of the frame stands. */
import { compareRecipients } from '@claudemesh/crypto'
import { type AckFrame, decodeFrame, encodeFrame, type SendFrame } from '@claudemesh/protocol'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Attached,
  attached,
  type Founded,
  foundMesh,
  greeted,
  type TestBroker,
  testBroker,
} from '../test-broker.ts'
import { newEnvelope } from '../test-envelope.ts'
import { newSession, randomBytes } from '../test-member.ts'
import type { Frame } from '../test-socket.ts'

let broker: TestBroker
let founded: Founded
let alice: Attached
let bob: Attached
let mallory: Attached
beforeAll(async () => {
  broker = await testBroker()
  founded = await foundMesh(broker)
  const session = async () => attached(broker.port, founded.mesh, await founded.join())
  ;[alice, bob, mallory] = [await session(), await session(), await session()]
})
afterAll(async () => {
  await broker.stop()
  await stopSharedPostgres()
})

const envelope = (from = mallory, to = [bob.session.recipient]) =>
  newEnvelope({ mesh: founded.mesh.id, from: from.session.recipient, to, size: 256 })

/** Where the fields of an envelope to one session lie behind its length: SPEC section 5, drawn here once more. */
const AT = (() => {
  const sizes = {
    version: 1,
    id: 16,
    mesh: 32,
    fromMember: 32,
    fromFlag: 1,
    fromSession: 32,
    sentAt: 8,
    ttl: 8,
    priority: 1,
    nonce: 24,
    commit: 32,
    size: 4,
    toCount: 2,
    toMember: 32,
    toFlag: 1,
    toSession: 32,
    prekeyId: 16,
    slotHash: 32,
    slotSize: 2,
    slot: 80,
    body: 256,
  }
  let at = 0
  return Object.fromEntries(
    Object.entries(sizes).map(([name, size]) => {
      at += size
      return [name, { at: at - size, size }]
    }),
  ) as Record<keyof typeof sizes, { at: number; size: number }>
})()
const HEAD = 8

const u = (size: number, value: bigint | number) => {
  const bytes = new Uint8Array(size)
  let rest = BigInt(value)
  for (let i = size - 1; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 255n)
  return bytes
}
let lastRef = 1_000_000
const ref = () => ++lastRef

/** A `send` of three envelopes, the field of the middle one overwritten. */
function withField(
  field: keyof typeof AT,
  value: Uint8Array,
): { frame: Uint8Array<ArrayBuffer>; sound: number } {
  const one = encodeFrame({ type: 'send', ref: 0, envelopes: [envelope()] })
  const itemSize = one.length - HEAD
  const frame = encodeFrame({ type: 'send', ref: ref(), envelopes: [envelope(), envelope(), envelope()] })
  frame.set(value, HEAD + itemSize + 4 + AT[field].at)
  return { frame, sound: 2 }
}

async function say(from: Attached, frame: Uint8Array<ArrayBuffer>): Promise<Frame> {
  const mine = new DataView(frame.buffer).getUint32(4)
  from.socket.ws.send(frame)
  return from.socket.take(answer => 'ref' in answer && answer.ref === mine)
}

describe('a `send` with one envelope wrong in one field', () => {
  const other = () => newSession(mallory.session.member)
  const rows: [keyof typeof AT, () => Uint8Array, string][] = [
    ['version', () => u(1, 0), 'bad-field'],
    ['version', () => u(1, 2), 'bad-field'],
    ['id', () => new Uint8Array(16), 'bad-field'],
    ['id', () => randomBytes(16).fill(0x41, 6, 7), 'bad-field'],
    ['mesh', () => randomBytes(32), 'unknown-mesh'],
    ['fromMember', () => alice.session.recipient.member, 'not-attached'],
    ['fromSession', () => alice.session.recipient.session!, 'not-attached'],
    ['fromSession', () => other().recipient.session!, 'not-attached'],
    ['fromFlag', () => u(1, 2), 'bad-field'],
    ['sentAt', () => u(8, 0), 'bad-field'],
    ['sentAt', () => u(8, Date.now() + 1000), 'bad-field'],
    ['sentAt', () => u(8, 2n ** 53n), 'bad-field'],
    ['sentAt', () => u(8, 2n ** 64n - 1n), 'bad-field'],
    ['ttl', () => u(8, 0), 'bad-field'],
    ['ttl', () => u(8, 30 * 86_400_000 + 1), 'bad-field'],
    ['ttl', () => u(8, 2n ** 64n - 1n), 'bad-field'],
    ['priority', () => u(1, 3), 'bad-field'],
    ['priority', () => u(1, 255), 'bad-field'],
    ['size', () => u(4, 255), 'bad-frame'],
    ['size', () => u(4, 257), 'bad-frame'],
    ['size', () => u(4, 256 * 1024 + 1), 'too-large'],
    ['size', () => u(4, 0xffff_ffff), 'too-large'],
    ['toCount', () => u(2, 0), 'bad-field'],
    ['toCount', () => u(2, 2), 'bad-f'],
    ['toCount', () => u(2, 257), 'too-large'],
    ['toCount', () => u(2, 0xffff), 'too-large'],
    ['toMember', () => randomBytes(32), 'unknown-recipient'],
    ['toSession', () => randomBytes(32), 'unknown-recipient'],
    ['toFlag', () => u(1, 255), 'bad-field'],
    ['slotSize', () => u(2, 0), 'bad-field'],
    ['slotSize', () => u(2, 79), 'bad-field'],
    ['slotSize', () => u(2, 1216), 'bad-frame'],
    ['slotSize', () => u(2, 0xffff), 'bad-field'],
  ]
  test.each(rows)(
    '%s, row %#: that one is refused by its code, its neighbours are accepted',
    async (field, value, code) => {
      const { frame } = withField(field, value())
      const answer = await say(mallory, frame)
      if (answer.type !== 'accepted') throw new Error(JSON.stringify(answer))
      const [first, wrong, last] = answer.results.map(result => result.error)
      expect([first, last]).toEqual([null, null])
      expect(wrong).toMatch(new RegExp(`^${code}`))
      await bob.socket.receive(2)
    },
  )

  test.each<[keyof typeof AT, () => Uint8Array]>([
    ['nonce', () => randomBytes(24)],
    ['commit', () => randomBytes(32)],
    ['prekeyId', () => randomBytes(16)],
    ['slotHash', () => randomBytes(32)],
    ['slot', () => randomBytes(80)],
    ['body', () => randomBytes(256)],
  ])('%s is sealed from the broker: what it holds is for the receiver to check', async (field, value) => {
    const answer = await say(mallory, withField(field, value()).frame)
    expect(answer.type === 'accepted' && answer.results.map(result => result.error)).toEqual([
      null,
      null,
      null,
    ])
    await bob.socket.receive(3)
  })
})

describe('recipients', () => {
  const refused = async (to: ReturnType<typeof envelope>['header']['to']) => {
    const sound = envelope(mallory, [bob.session.recipient, alice.session.recipient])
    const frame = encodeFrame({ type: 'send', ref: ref(), envelopes: [sound] })
    const target = encodeTargets(to)
    frame.set(target, HEAD + 4 + AT.toMember.at)
    const answer = await say(mallory, frame)
    return answer.type === 'accepted' ? answer.results[0]!.error : 'code' in answer && answer.code
  }
  const encodeTargets = (to: ReturnType<typeof envelope>['header']['to']) => {
    const one = AT.slotSize.at - AT.toMember.at
    const bytes = new Uint8Array(one * to.length)
    for (const [i, { recipient, prekeyId, slotHash }] of to.entries()) {
      const parts = [recipient.member, u(1, 1), recipient.session!, prekeyId, slotHash]
      bytes.set(Buffer.concat(parts), i * one)
    }
    return bytes
  }
  test('twice the same, or out of order, are refused', async () => {
    const sorted = [alice, bob].map(({ session }) => session.recipient).toSorted(compareRecipients)
    const target = (recipient: (typeof sorted)[number]) => ({
      recipient,
      prekeyId: randomBytes(16),
      slotHash: randomBytes(32),
    })
    const [low, high] = sorted.map(target)
    expect(await refused([low!, low!])).toBe('bad-field')
    expect(await refused([high!, low!])).toBe('bad-field')
    expect(await refused([low!, high!])).toBeNull()
    await Promise.all([alice, bob].map(({ socket }) => socket.receive(1)))
  })
})

describe('a frame that is broken as a whole', () => {
  const send = () => encodeFrame({ type: 'send', ref: ref(), envelopes: [envelope(), envelope()] })
  const patched = (at: number, bytes: Uint8Array) => {
    const frame = send()
    frame.set(bytes, at)
    return frame
  }
  const rows: [string, () => Uint8Array<ArrayBuffer>, string, string][] = [
    ['type 0', () => patched(0, u(1, 0)), 'bad-frame', 'type'],
    ['type 255', () => patched(0, u(1, 255)), 'bad-frame', 'type'],
    ['the broker’s own `accepted`', () => patched(0, u(1, 2)), 'bad-frame', 'type'],
    ['the broker’s own `deliver`', () => patched(0, u(1, 3)), 'bad-frame', 'type'],
    ['the broker’s own `fact`', () => patched(0, u(1, 5)), 'bad-frame', 'type'],
    ['room.append', () => patched(0, u(1, 6)), 'unsupported', 'type'],
    ['version 0', () => patched(1, u(1, 0)), 'bad-frame', 'version'],
    ['version 2', () => patched(1, u(1, 2)), 'bad-frame', 'version'],
    ['no items', () => patched(2, u(2, 0)), 'bad-field', 'count'],
    ['one item less', () => patched(2, u(2, 1)), 'bad-frame', 'envelopes'],
    ['one item more', () => patched(2, u(2, 3)), 'bad-frame', 'envelopes[2]'],
    ['4,097 items', () => patched(2, u(2, 4097)), 'too-large', 'count'],
    ['65,535 items', () => patched(2, u(2, 0xffff)), 'too-large', 'count'],
    ['an item of no bytes', () => patched(8, u(4, 0)), 'bad-frame', 'envelopes'],
    ['an item of 4 GiB', () => patched(8, u(4, 0xffff_ffff)), 'bad-frame', 'envelopes[0]'],
    ['a head alone', () => send().slice(0, 8), 'bad-frame', 'envelopes[0]'],
    ['a byte less', () => send().slice(0, -1), 'bad-frame', 'envelopes[1]'],
    ['a byte more', () => new Uint8Array([...send(), 0]), 'bad-frame', 'envelopes'],
  ]
  test.each(rows)('%s: one error that names the field, nothing taken', async (_, frame, code, field) => {
    const answer = await say(mallory, frame())
    expect(answer).toMatchObject({ type: 'error', code })
    expect(answer.type === 'error' && answer.field?.startsWith(field), JSON.stringify(answer)).toBe(true)
  })

  test('1 to 7 bytes, and none: an error without a ref each, and the socket lives on', async () => {
    const socket = await greeted(broker.port, founded.mesh, mallory.session.member)
    for (let size = 0; size < 8; size++) {
      socket.ws.send(new Uint8Array(size).fill(1))
      expect(await socket.next('error')).toMatchObject({ code: 'bad-frame' })
    }
    expect(await socket.ask({ type: 'ping', time: 1 })).toMatchObject({ type: 'pong' })
  })
})

describe('an `ack`', () => {
  const ack = (acks: AckFrame['acks']) => encodeFrame({ type: 'ack', ref: ref(), acks })
  const own = () => ({ recipient: bob.session.recipient, attachment: bob.attachment })
  const most = Number.MAX_SAFE_INTEGER
  const rows: [string, () => AckFrame['acks'], string][] = [
    [
      'of another’s session',
      () => [{ ...own(), recipient: alice.session.recipient, upTo: 1 }],
      'not-attached',
    ],
    [
      'of the person, who is not attached',
      () => [{ ...own(), recipient: bob.session.member.person, upTo: 1 }],
      'not-attached',
    ],
    [
      'of a key nobody has',
      () => [{ ...own(), recipient: newSession(bob.session.member).recipient, upTo: 1 }],
      'not-attached',
    ],
    ['of attachment 0', () => [{ ...own(), attachment: 0, upTo: 1 }], 'replaced'],
    ['of a later attachment', () => [{ ...own(), attachment: most, upTo: 1 }], 'replaced'],
    ['of all there will ever be', () => [{ ...own(), upTo: most }], 'bad-ack'],
    [
      'with one of many wrong',
      () => [
        { ...own(), upTo: 0 },
        { ...own(), upTo: most },
        { ...own(), upTo: 0 },
      ],
      'bad-ack',
    ],
  ]
  test.each(rows)('%s is refused by name and deletes nothing', async (_, acks, code) => {
    const { results } = await alice.socket.send([envelope(alice)])
    const frame = await bob.socket.next('deliver')
    expect(await say(bob, ack(acks()))).toMatchObject({ type: 'error', code })
    const again = await attached(broker.port, founded.mesh, bob.session.member, Date.now(), bob.session)
    expect((await again.socket.receive(1))[0]!.seq).toBe(results[0]!.seq)
    expect(frame.deliveries[0]!.seq).toBe(results[0]!.seq)
    bob = again
  })

  test.each<[string, number, Uint8Array, string]>([
    ['a flag of 2', 40, u(1, 2), 'bad-field'],
    ['an attachment above 2^53', 73, u(8, 2n ** 53n), 'bad-field'],
    ['a place above 2^53', 81, u(8, 2n ** 64n - 1n), 'bad-field'],
    ['no acks', 2, u(2, 0), 'bad-field'],
    ['more acks than it holds', 2, u(2, 4096), 'bad-frame'],
  ])('with %s is refused whole', async (_, at, bytes, code) => {
    const frame = ack([{ ...own(), upTo: 0 }])
    frame.set(bytes, at)
    expect(await say(bob, frame)).toMatchObject({ type: 'error', code })
  })
})

test('what is drawn here is what the codec writes', () => {
  const one = envelope()
  const frame = encodeFrame({ type: 'send', ref: 0, envelopes: [one] })
  expect(frame.length).toBe(HEAD + 4 + AT.body.at + AT.body.size)
  const { envelopes } = decodeFrame(frame) as SendFrame
  const bytes = (field: keyof typeof AT) =>
    Buffer.from(frame.subarray(HEAD + 4 + AT[field].at).subarray(0, AT[field].size))
  expect(bytes('commit').equals(envelopes[0]!.header.commit)).toBe(true)
  expect(bytes('slot').equals(envelopes[0]!.slots[0]!)).toBe(true)
  expect(bytes('body').equals(one.body)).toBe(true)
})
