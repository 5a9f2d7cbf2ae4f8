/** The run: inputs made from kept ones, those that show something new kept too, and everything that no reader may do found. */
import { MeshError } from '@claudemesh/protocol'
import { type Dice, dice, oneOf } from './dice.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { mutateJson } from './mutate-json.ts'
import type { Target } from './target.ts'

export interface Plan {
  readonly inputs: number
  readonly seed: number
  /** Inputs to begin with. */
  readonly corpus: readonly Uint8Array[]
}

interface Finding {
  /** `error`: something else than a `MeshError` was thrown. `slow`: longer than a second, three times. `growth`: of the heap. */
  readonly kind: 'error' | 'slow' | 'growth'
  readonly message: string
  readonly input?: Uint8Array
}

export interface Result {
  readonly inputs: number
  /** How many were read, not refused. */
  readonly read: number
  /** Different answers and refusals. */
  readonly answers: number
  /** Inputs that gave a new answer. */
  readonly fresh: readonly Uint8Array[]
  readonly findings: readonly Finding[]
}

const MOST_BYTES = 64 * 1024
/** What is kept beside the corpus at most: a bound on our own memory. */
const MOST_KEPT = 2000
const MOST_KEPT_BYTES = 4 << 20
const MOST_FINDINGS = 10
const SLOW_MS = 1000
const TRIES = 3
/** What a heap may grow between the first quarter of a run and its end, bytes; what is kept stands beside it. */
const MOST_GROWTH = 24 << 20

/** Feeds `target` with inputs made by the dice of `seed`: the same run each time. */
export async function fuzz(target: Target, plan: Plan): Promise<Result> {
  const roll = dice(plan.seed)
  const mostBytes = target.mostBytes ?? MOST_BYTES
  const kept: Uint8Array[] = [...plan.corpus]
  const fresh: Uint8Array[] = []
  const answers = new Set<string>()
  const findings: Finding[] = []
  let read = 0
  let keptBytes = 0
  let settled = 0
  let done = 0
  for (; done < plan.inputs && findings.length < MOST_FINDINGS; done++) {
    if (done === plan.inputs >> 2) settled = heap()
    // The corpus itself comes first, as it is.
    const input = plan.corpus[done] ?? made(target, kept, roll, mostBytes)
    const met = await meet(target, input)
    if (met.finding !== undefined) {
      findings.push({ ...met.finding, input })
      continue
    }
    if (met.read) read++
    if (answers.has(met.answer) || fresh.length >= MOST_KEPT || keptBytes > MOST_KEPT_BYTES) continue
    answers.add(met.answer)
    if (done < plan.corpus.length) continue
    kept.push(input)
    fresh.push(input)
    keptBytes += input.length
  }
  const grown = heap() - settled - keptBytes
  if (settled > 0 && grown > MOST_GROWTH)
    findings.push({ kind: 'growth', message: `the heap grew by ${grown >> 20} MiB` })
  return { inputs: done, read, answers: answers.size, fresh, findings }
}

const utf8 = { in: new TextEncoder(), out: new TextDecoder() }

function made({ form }: Target, kept: readonly Uint8Array[], roll: Dice, mostBytes: number): Uint8Array {
  const base = oneOf(roll, kept)
  const other = oneOf(roll, kept)
  if (form === 'json' && roll(4) > 0) {
    const text = mutateJson(utf8.out.decode(base), roll, utf8.out.decode(other))
    if (text !== undefined) return utf8.in.encode(text).subarray(0, mostBytes)
  }
  return mutateBytes(base, roll, other, mostBytes)
}

type Met = { answer: string; read: boolean; finding?: undefined } | { finding: Omit<Finding, 'input'> }

async function meet(target: Target, input: Uint8Array): Promise<Met> {
  let met: Met = { answer: '', read: false }
  for (let tries = 0; tries < TRIES; tries++) {
    const began = performance.now()
    met = await once(target, input)
    if (performance.now() - began < SLOW_MS) return met
  }
  return { finding: { kind: 'slow', message: `${input.length} bytes took longer than ${SLOW_MS} ms` } }
}

async function once(target: Target, input: Uint8Array): Promise<Met> {
  try {
    const answer = target.read(input)
    return { answer: typeof answer === 'string' ? answer : await answer, read: true }
  } catch (cause) {
    if (cause instanceof MeshError && cause.code !== 'internal')
      return {
        answer: `${cause.code} ${(cause.field ?? '').replace(/\d+/g, '#')} ${shape(cause.message)}`,
        read: false,
      }
    return {
      finding: {
        kind: 'error',
        message: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
      },
    }
  }
}

/** A message without what differs from input to input. */
const shape = (message: string): string => message.replace(/[\d"'`].*$/, '').slice(0, 80)

function heap(): number {
  Bun.gc(true)
  return process.memoryUsage().heapUsed
}
