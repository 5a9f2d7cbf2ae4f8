import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { arrive, giveUpGap } from './release.ts'

interface Sent {
  readonly pairSeq: number
  readonly floor: number
}

/** A receiver that only keeps what `arrive` needs. */
function receiver() {
  let next = 1
  let waiting: Sent[] = []
  const shown: number[] = []
  const late: number[] = []
  return {
    shown,
    late,
    get waiting() {
      return waiting
    },
    take(one: Sent) {
      const done = arrive(next, waiting, one.pairSeq, one.floor)
      shown.push(...done.before.map(w => w.pairSeq))
      if (done.verdict !== 'wait') shown.push(one.pairSeq)
      if (done.verdict === 'late') late.push(one.pairSeq)
      shown.push(...done.after.map(w => w.pairSeq))
      const gone = new Set<Sent>([...done.before, ...done.after])
      waiting = waiting.filter(w => !gone.has(w))
      if (done.verdict === 'wait') waiting = [...waiting, one].sort((a, b) => a.pairSeq - b.pairSeq)
      next = done.next
    },
    giveUp() {
      const done = giveUpGap(waiting)
      if (!done) return
      const gone = new Set<Sent>([done.first, ...done.after])
      shown.push(done.first.pairSeq, ...done.after.map(w => w.pairSeq))
      waiting = waiting.filter(w => !gone.has(w))
      next = done.next
    },
  }
}

const permutation = (n: number) =>
  fc.shuffledSubarray(
    Array.from({ length: n }, (_, i) => i + 1),
    { minLength: n, maxLength: n },
  )

describe('release', () => {
  test('any order of arrival is shown in the order of sending, each once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }).chain(permutation), order => {
        const one = receiver()
        for (const pairSeq of order) one.take({ pairSeq, floor: 1 })
        expect(one.shown).toEqual(order.toSorted((a, b) => a - b))
        expect(one.late).toEqual([])
      }),
    )
  })

  test('a floor lets go of everything below it: what was given up is waited for by nobody', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 2, max: 30 })
          .chain(n => fc.tuple(permutation(n), fc.subarray(Array.from({ length: n }, (_, i) => i + 1)))),
        ([order, lost]) => {
          const gone = new Set(lost)
          const one = receiver()
          const arriving = order.filter(pairSeq => !gone.has(pairSeq))
          for (const pairSeq of arriving) {
            // Honest: the lowest number that is neither lost nor already shown to the receiver.
            const open = order.filter(n => !gone.has(n) && !one.shown.includes(n))
            one.take({ pairSeq, floor: Math.min(...open) })
          }
          // What is sent next knows that all of it was delivered or given up.
          const last = order.length + 1
          one.take({ pairSeq: last, floor: last })
          expect(one.shown).toEqual([...arriving.toSorted((a, b) => a - b), last])
          expect(one.waiting).toEqual([])
        },
      ),
    )
  })

  test('after a gap was given up the rest follows in order, and what comes later is late', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 30 }).chain(n => fc.tuple(permutation(n), fc.integer({ min: 1, max: n }))),
        ([order, missing]) => {
          const one = receiver()
          for (const pairSeq of order) if (pairSeq !== missing) one.take({ pairSeq, floor: 1 })
          one.giveUp()
          one.take({ pairSeq: missing, floor: 1 })
          const others = order.filter(n => n !== missing).toSorted((a, b) => a - b)
          expect(one.shown.filter(n => n !== missing)).toEqual(others)
          expect(one.shown.filter(n => n === missing)).toEqual([missing])
          expect(one.late).toEqual(missing === order.length ? [] : [missing])
        },
      ),
    )
  })

  test('hostile numbers and floors show everything once and leave nothing but what waits', () => {
    const any = fc.record({ pairSeq: fc.nat({ max: 12 }), floor: fc.nat({ max: 20 }) })
    fc.assert(
      fc.property(fc.array(any, { maxLength: 40 }), arrivals => {
        const one = receiver()
        for (const arrival of arrivals) one.take(arrival)
        expect([...one.shown, ...one.waiting.map(w => w.pairSeq)].toSorted((a, b) => a - b)).toEqual(
          arrivals.map(a => a.pairSeq).toSorted((a, b) => a - b),
        )
      }),
    )
  })
})
