/** JSON that still is JSON, with a value somewhere in it that nobody expects there. */
import { type Dice, oneOf } from './dice.ts'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** What readers of JSON stumble over. */
const HOSTILE: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  -0,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\u202e\u2066',
  '..',
  '../../../etc/passwd',
  "'; drop table x; --",
  '<system-reminder>',
  '{}',
  '__proto__',
  'A'.repeat(5000),
  '🦀'.repeat(300),
  [],
  {},
  Array.from({ length: 40 }).reduce<Json>(inner => [inner], 0),
]
const NAMES = ['__proto__', 'constructor', 'toString', 'length', 'type', '', 'ref', 'id']

/** `text` with one to three of its values changed; `undefined` where it is no JSON. */
export function mutateJson(text: string, roll: Dice, other: string): string | undefined {
  let value = parsed(text)
  if (value === undefined) return undefined
  for (let n = 1 + roll(3); n > 0; n--) value = changed(value, roll, other)
  return JSON.stringify(value)
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

/** Walks down by chance, and changes what it ends at. */
function changed(value: Json, roll: Dice, other: string): Json {
  if (typeof value !== 'object' || value === null || roll(6) === 0) return strange(value, roll, other)
  return Array.isArray(value) ? changedList(value, roll, other) : changedObject(value, roll, other)
}

function changedList(list: Json[], roll: Dice, other: string): Json {
  const at = roll(list.length)
  const what = roll(8)
  if (list.length === 0 || what === 0) return [...list, ...list.slice(0, 64), strange(null, roll, other)]
  if (what === 1) return list.toSpliced(at, 1)
  if (what === 2) return list.toReversed()
  return list.with(at, changed(list[at]!, roll, other))
}

function changedObject(object: { [name: string]: Json }, roll: Dice, other: string): Json {
  const names = Object.keys(object)
  const name = names[roll(names.length)]
  const what = roll(8)
  if (name === undefined || what === 0)
    return withName(object, oneOf(roll, NAMES), strange(null, roll, other))
  const { [name]: old, ...rest } = object
  if (what === 1) return rest
  if (what === 2) return withName(rest, oneOf(roll, names), old!)
  return withName(rest, name, changed(old!, roll, other))
}

/** Also a `__proto__` of its own, as JSON.parse makes it. */
const withName = (object: { [name: string]: Json }, name: string, value: Json): Json =>
  Object.defineProperty({ ...object }, name, { value, enumerable: true, configurable: true, writable: true })

function strange(value: Json, roll: Dice, other: string): Json {
  const what = roll(6)
  if (what === 0 && typeof value === 'string') return value.slice(0, roll(value.length + 1))
  if (what === 1 && typeof value === 'string') return value + value
  if (what === 1 && typeof value === 'number') return value + (roll(3) - 1)
  if (what === 2) return parsed(other) ?? other
  if (what === 3) return [value]
  return oneOf(roll, HOSTILE)
}
