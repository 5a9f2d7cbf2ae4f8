import fc from 'fast-check'
import { expect, test } from 'vitest'
import { harmless, harmlessJson, harmlessLine } from './harmless.ts'

const code = (...points: number[]) => String.fromCodePoint(...points)

test('an escape sequence is shown, not obeyed', () => {
  expect(harmless(`${code(0x1b)}[2J${code(0x9b)}31mred`)).toBe('␛[2J<U+009B>31mred')
})

test('a right-to-left override is named where it stands', () => {
  expect(harmless(`file${code(0x202e)}gpj.exe`)).toBe('file<U+202E>gpj.exe')
})

test('a carriage return cannot overwrite the line it stands in', () => {
  expect(harmless('alice: yes\rmallory')).toBe('alice: yes␍mallory')
})

test('words in any script, emoji and line feeds stay as they are', () => {
  const text = 'Grüße, 你好, مرحبا 👩‍💻\n\tindented'
  expect(harmless(text)).toBe(text)
})

test('a name stays on its line', () => {
  expect(harmlessLine('  al\nice\t!\n')).toBe('al ice !')
})

test('nothing that moves a cursor or turns the reading direction comes through, and twice is once', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(code(0x1b), code(0x9b), '\r', code(0x202e), code(0x2066), '\u0000', code(0x7f)),
  )
  fc.assert(
    fc.property(fc.array(piece), parts => {
      const shown = harmless(parts.join(''))
      expect(shown).not.toMatch(/[^\P{Cc}\t\n]|[\u202a-\u202e\u2066-\u2069\u200e\u200f]/u)
      expect(harmless(shown)).toBe(shown)
    }),
  )
})

test('JSON stays the same value, on one line, and holds nothing a terminal acts on', () => {
  expect(harmlessJson({ name: `${code(0x9b, 0x202e, 0x7f, 0xe0041)}é` })).toBe(
    String.raw`{"name":"\u009b\u202e\u007f\udb40\udc41é"}`,
  )
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), value => {
      const said = harmlessJson(value)
      expect(JSON.parse(said)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(said).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u2028\u2029]/u)
    }),
  )
})
