/** `fact`: ends of sealings, signed by the broker key, in the queue of whoever sealed them. */
import { FACT_KINDS, FACT_REASONS, type Fact, type FactFrame } from '../data-frames.ts'
import { SIZES } from '../limits.ts'
import { fault, within } from './fault.ts'
import { beginFrame, HEAD_BYTES, type Head } from './head.ts'
import type { Reader } from './reader.ts'
import { readRecipient, recipientSize, writeRecipient } from './recipient.ts'
import type { Writer } from './writer.ts'

type Item = FactFrame['facts'][number]

/** seq, kind, why, mesh, id, at, signature; `from` and `to` come on top. */
const FIXED_BYTES = 8 + 1 + 1 + SIZES.key + SIZES.id + 8 + SIZES.signature

/** Bytes of the whole frame. */
export function factSize(frame: Pick<FactFrame, 'recipient' | 'facts'>): number {
  let size = HEAD_BYTES + recipientSize(frame.recipient) + 8
  for (const { fact } of frame.facts) size += FIXED_BYTES + recipientSize(fact.from) + recipientSize(fact.to)
  return size
}

export function encodeFact(frame: FactFrame): Uint8Array<ArrayBuffer> {
  const writer = beginFrame('fact', frame.facts.length, 0, factSize(frame))
  writeRecipient(writer, frame.recipient, 'recipient')
  writer.u64(frame.attachment, 'attachment')
  for (const [i, item] of frame.facts.entries()) {
    try {
      writeItem(writer, item)
    } catch (error) {
      throw within(`facts[${i}]`, error)
    }
  }
  return writer.bytes
}

function writeItem(writer: Writer, { seq, fact }: Item): void {
  const kind = FACT_KINDS.indexOf(fact.kind)
  if (kind === -1) throw fault('bad-field', 'unknown kind', 'fact.kind')
  const why = FACT_REASONS.indexOf(fact.why)
  if (why === -1) throw fault('bad-field', 'unknown reason', 'fact.why')
  writer.u64(seq, 'seq')
  writer.u8(kind)
  writer.u8(why)
  writer.fixed(fact.mesh, SIZES.key, 'fact.mesh')
  writer.fixed(fact.id, SIZES.id, 'fact.id')
  writeRecipient(writer, fact.from, 'fact.from')
  writeRecipient(writer, fact.to, 'fact.to')
  writer.u64(fact.at, 'fact.at')
  writer.fixed(fact.signature, SIZES.signature, 'fact.signature')
}

export function decodeFact({ count, reader }: Head): FactFrame {
  const recipient = readRecipient(reader, 'recipient')
  const attachment = reader.u64('attachment')
  const facts: Item[] = []
  try {
    while (facts.length < count) facts.push({ seq: reader.u64('seq'), fact: readFact(reader) })
  } catch (error) {
    throw within(`facts[${facts.length}]`, error)
  }
  reader.finish('facts')
  return { type: 'fact', recipient, attachment, facts }
}

function readFact(reader: Reader): Fact {
  const kind = FACT_KINDS[reader.u8('fact.kind')]
  if (!kind) throw fault('bad-field', 'unknown kind', 'fact.kind')
  const why = FACT_REASONS[reader.u8('fact.why')]
  if (!why) throw fault('bad-field', 'unknown reason', 'fact.why')
  const mesh = reader.take(SIZES.key, 'fact.mesh')
  const id = reader.take(SIZES.id, 'fact.id')
  const from = readRecipient(reader, 'fact.from')
  const to = readRecipient(reader, 'fact.to')
  const at = reader.u64('fact.at')
  return { mesh, kind, why, id, from, to, at, signature: reader.take(SIZES.signature, 'fact.signature') }
}
