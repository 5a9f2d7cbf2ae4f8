/** Frames of the data path for property tests: valid ones, and ones that are wrong in one place. */
import fc from 'fast-check'
import {
  type DataFrame,
  type Envelope,
  type EnvelopeHeader,
  ERROR_CODES,
  FACT_KINDS,
  FACT_REASONS,
  LIMITS,
  RECIPIENT_STATES,
} from '../src/index.ts'

/** Bytes of this realm: fast-check makes its own in another one. */
const octets = (size: number) =>
  fc.array(fc.nat(255), { minLength: size, maxLength: size }).map(b => Uint8Array.from(b))
/** Few distinct keys, so that the same member stands with several sessions. */
const key = fc.nat(3).map(n => new Uint8Array(32).fill(n * 85))
const u64 = fc.oneof(fc.nat(), fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER))
const ref = fc.constantFrom(0, 1, 77, 0xffff_ffff)
const recipient = fc.record({ member: key, session: fc.option(key) })
const slot = fc.constantFrom(80, 1216).map(size => new Uint8Array(size).fill(size & 255))
const name = (r: { member: Uint8Array; session: Uint8Array | null }) =>
  Buffer.from(r.member).toString('hex') + (r.session ? `1${Buffer.from(r.session).toString('hex')}` : '0')

const to = fc
  .uniqueArray(fc.record({ recipient, prekeyId: octets(16), slotHash: octets(32) }), {
    minLength: 1,
    maxLength: 5,
    selector: t => name(t.recipient),
  })
  .map(list => list.sort((a, b) => (name(a.recipient) < name(b.recipient) ? -1 : 1)))

const header: fc.Arbitrary<EnvelopeHeader> = fc.record({
  id: octets(16),
  mesh: key,
  from: recipient,
  sentAt: u64,
  ttl: fc.constantFrom(0, 1, LIMITS.ttlMs),
  priority: fc.constantFrom('now', 'next', 'low'),
  nonce: octets(24),
  commit: octets(32),
  size: fc.constantFrom(0, 16, 256),
  to,
})
const body = (size: number) => new Uint8Array(size).map((_, i) => i * 7)

const envelope: fc.Arbitrary<Envelope> = header.chain(h =>
  fc.record({
    header: fc.constant(h),
    slots: fc.array(slot, { minLength: h.to.length, maxLength: h.to.length }),
    body: fc.constant(body(h.size)),
  }),
)
const delivered = fc.tuple(header, slot).map(([h, s]) => ({ header: h, slot: s, body: body(h.size) }))

const result = fc
  .record({
    id: octets(16),
    error: fc.option(fc.constantFrom(...ERROR_CODES)),
    seq: u64,
    auditIndex: u64,
    at: u64,
    recipients: fc.array(fc.constantFrom(...RECIPIENT_STATES), { maxLength: 4 }),
  })
  .map(r => {
    if (r.error === null) return r
    return { ...r, seq: 0, auditIndex: 0, recipients: r.error === 'unknown-recipient' ? r.recipients : [] }
  })

const fact = fc.record({
  mesh: key,
  kind: fc.constantFrom(...FACT_KINDS),
  why: fc.constantFrom(...FACT_REASONS),
  id: octets(16),
  from: recipient,
  to: recipient,
  at: u64,
  signature: octets(64),
})
const some = <T>(item: fc.Arbitrary<T>) => fc.array(item, { minLength: 1, maxLength: 4 })
const place = { recipient, attachment: u64 }

/** Any valid frame, small enough to look at byte by byte. */
export const dataFrame: fc.Arbitrary<DataFrame> = fc.oneof(
  fc.record({ type: fc.constant('send' as const), ref, envelopes: some(envelope) }),
  fc.record({ type: fc.constant('accepted' as const), ref, results: some(result) }),
  fc.record({
    type: fc.constant('deliver' as const),
    ...place,
    deliveries: some(fc.record({ seq: u64, envelope: delivered })),
  }),
  fc.record({ type: fc.constant('ack' as const), ref, acks: some(fc.record({ ...place, upTo: u64 })) }),
  fc.record({ type: fc.constant('fact' as const), ...place, facts: some(fc.record({ seq: u64, fact })) }),
)

type Container = Record<string | number, unknown>
const NUMBERS = [
  -1,
  0,
  0.5,
  2 ** 16,
  2 ** 32,
  2 ** 53,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  LIMITS.ttlMs + 1,
]
const WORDS = [
  '',
  'now',
  'low',
  'removed',
  'expired',
  'internal',
  'unknown-recipient',
  '__proto__',
  'toString',
]

/** Every place in `value` that holds a leaf or a list, with the container it hangs on. */
function places(value: unknown, found: [Container, string | number][] = []): [Container, string | number][] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return found
  for (const step of Object.keys(value)) {
    if (step !== 'type') {
      const child = (value as Container)[step]
      if (typeof child !== 'object' || child === null || child instanceof Uint8Array || Array.isArray(child))
        found.push([value as Container, step])
      places(child, found)
    }
  }
  return found
}

function spoiled(value: unknown, pick: number): unknown {
  if (value === null) return new Uint8Array([32, 31, 0][pick % 3]!)
  if (value instanceof Uint8Array) {
    const sizes = [0, value.length - 1, value.length + 1, 80, 1216, LIMITS.bodyBytes + 1]
    return pick % 7 === 0
      ? new Uint8Array(value.length)
      : new Uint8Array(Math.max(0, sizes[pick % sizes.length]!))
  }
  if (typeof value === 'number') return NUMBERS[pick % NUMBERS.length]
  if (typeof value === 'string') return WORDS[pick % WORDS.length]
  const list = value as unknown[]
  const forms = [
    [],
    [...list].reverse(),
    [...list, ...list],
    list.slice(1),
    Array(257).fill(list[0]),
    Array(4097).fill(list[0]),
  ]
  return forms[pick % forms.length]
}

/** Like `dataFrame`, with one field replaced by something of the same kind that is mostly wrong. */
export const nearlyDataFrame: fc.Arbitrary<DataFrame> = fc
  .tuple(dataFrame, fc.nat(), fc.nat())
  .map(([frame, where, pick]) => {
    const copy = structuredClone(frame)
    const all = places(copy)
    const [container, step] = all[where % all.length]!
    container[step] = spoiled(container[step], pick)
    return copy
  })

/** A frame as text in which equal bytes look equal, whatever array class holds them. */
export const show = (frame: unknown): string =>
  JSON.stringify(frame, (_, value) =>
    value instanceof Uint8Array ? `x${Buffer.from(value).toString('hex')}` : value,
  )
