import { describe, expect, test } from 'vitest'
import { essence, Loops } from './loops.ts'

const WHERE = { uuid: 'a', peer: 'bob/web', threadId: 't' }
/** The number of the message that made it a loop; 0 where none did. `texts` are said in turn, the peer first. */
function loopAt(texts: readonly string[], how: { where?: typeof WHERE; personAt?: number } = {}): number {
  const loops = new Loops()
  for (const [n, text] of texts.entries()) {
    if (n === how.personAt) loops.prompted(WHERE.uuid)
    if (loops.hear(how.where ?? WHERE, n % 2 === 1, text, 8)) return n + 1
  }
  return 0
}
const times = (count: number, ...texts: string[]) => Array.from({ length: count }, () => texts).flat()

describe('a loop', () => {
  test.each<[string, readonly string[], number]>([
    ['the same both ways', times(6, 'ok', 'ok'), 8],
    ['two texts in turn on each side', times(4, 'thanks', 'welcome', 'Thanks again', 'any time'), 8],
    ['only numbers, case and marks differ', times(6, 'Round 17!', 'done: 3/4').map((t, n) => t + n), 8],
    [
      'a loop behind real talk',
      ['how is it built?', 'with bun', 'and the tests?', 'vitest', ...times(6, 'ok', 'ok')],
      10,
    ],
    ['a conversation', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'], 0],
    ['seven messages', times(4, 'ok', 'ok').slice(1), 0],
    ['long texts', times(8, 'x'.repeat(281), 'ok'), 0],
  ])('%s', (_, texts, at) => {
    expect(loopAt(texts)).toBe(at)
  })

  test('is none where a person spoke in between, where one side alone speaks, and in many threads', () => {
    expect(loopAt(times(7, 'ok', 'ok'), { personAt: 7 })).toBe(0)
    const loops = new Loops()
    const flood = Array.from({ length: 20 }, () => loops.hear(WHERE, false, 'build failed', 8))
    expect(flood).not.toContain(true)
    const tasks = Array.from({ length: 20 }, (_, n) =>
      loops.hear({ ...WHERE, threadId: String(n >> 1) }, n % 2 === 1, n % 2 ? 'done' : 'run', 8),
    )
    expect(tasks).not.toContain(true)
  })

  test('begins to count again once it was found', () => {
    const loops = new Loops()
    const found = Array.from({ length: 16 }, (_, n) => loops.hear(WHERE, n % 2 === 1, 'ok', 8))
    expect(found.map((one, n) => (one ? n + 1 : 0)).filter(n => n > 0)).toEqual([8, 16])
  })

  test('knows a text by its words', () => {
    expect(essence('  OK — thanks!! ')).toBe('ok thanks')
    expect(essence('Run 12 of 30')).toBe(essence('run 3 of 4.'))
    expect(essence('👍')).toBe(essence('🎉'))
  })
})
