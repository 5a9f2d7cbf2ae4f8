/** What a binary frame may hold in memory: the codec accepts exactly what this schema accepts. */
import { z } from 'zod'
import { frameSize } from './codec/frame.ts'
import { MAX_COUNT } from './codec/head.ts'
import { firstOutOfOrder } from './codec/order.ts'
import { SLOT_SIZES } from './codec/slot.ts'
import { type DataFrame, FACT_KINDS, FACT_REASONS, RECIPIENT_STATES } from './data-frames.ts'
import { ERROR_CODES } from './errors.ts'
import { LIMITS, SIZES } from './limits.ts'
import { priority, seq } from './schema.ts'

type Bytes = Uint8Array

const octets = (size: number) =>
  z.custom<Bytes>(v => v instanceof Uint8Array && v.length === size, `${size} bytes`)
const key = octets(SIZES.key)
const hash = octets(SIZES.hash)
const id = octets(SIZES.id)
const slot = z.custom<Bytes>(v => v instanceof Uint8Array && SLOT_SIZES.includes(v.length), 'a slot')
const body = z.custom<Bytes>(v => v instanceof Uint8Array && v.length <= LIMITS.bodyBytes, 'a body')
const ref = z.int().min(0).max(0xffff_ffff)
const party = z.object({ member: key, session: key.nullable() })
const items = <T extends z.ZodType>(item: T) => z.array(item).min(1).max(MAX_COUNT)

const to = z
  .array(z.object({ recipient: party, prekeyId: octets(SIZES.prekeyId), slotHash: hash }))
  .min(1)
  .max(LIMITS.recipientsPerEnvelope)
  .refine(list => firstOutOfOrder(list) === -1, 'sorted, nobody twice')

const header = z.object({
  id,
  mesh: key,
  from: party,
  sentAt: seq,
  ttl: seq.max(LIMITS.ttlMs),
  priority,
  nonce: octets(SIZES.nonce),
  commit: hash,
  size: z.int().min(0).max(LIMITS.bodyBytes),
  to,
})

const envelope = z
  .object({ header, slots: z.array(slot), body })
  .refine(e => e.slots.length === e.header.to.length, {
    path: ['slots'],
    message: 'one slot for every recipient',
  })
  .refine(e => e.body.length === e.header.size, { path: ['body'], message: 'as long as the header says' })

const delivered = z
  .object({ header, slot, body })
  .refine(e => e.body.length === e.header.size, { path: ['body'], message: 'as long as the header says' })

const result = z
  .object({
    id,
    error: z.enum(ERROR_CODES).nullable(),
    seq,
    auditIndex: seq,
    at: seq,
    recipients: z.array(z.enum(RECIPIENT_STATES)).max(LIMITS.recipientsPerEnvelope),
  })
  .refine(r => r.error === null || (r.seq === 0 && r.auditIndex === 0), 'a place only for what was accepted')
  .refine(
    r => r.error === null || r.error === 'unknown-recipient' || r.recipients.length === 0,
    'states come with accepted and unknown-recipient only',
  )

const fact = z.object({
  mesh: key,
  kind: z.enum(FACT_KINDS),
  why: z.enum(FACT_REASONS),
  id,
  from: party,
  to: party,
  at: seq,
  signature: octets(SIZES.signature),
})

const place = { recipient: party, attachment: seq }

/** A frame of the data path in memory, with every rule of SPEC section 6 that does not need the network. */
export const dataFrameSchema: z.ZodType<DataFrame> = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('send'), ref, envelopes: items(envelope) }),
    z.object({ type: z.literal('accepted'), ref, results: items(result) }),
    z.object({
      type: z.literal('deliver'),
      ...place,
      deliveries: items(z.object({ seq, envelope: delivered })),
    }),
    z.object({ type: z.literal('ack'), ref, acks: items(z.object({ ...place, upTo: seq })) }),
    z.object({ type: z.literal('fact'), ...place, facts: items(z.object({ seq, fact })) }),
  ])
  .refine(frame => frameSize(frame) <= LIMITS.frameBytes, { message: 'frame above 1 MiB', abort: true })
