/** Frames no honest client sends: noise, and sound frames that were cut, turned, spliced or given another's words. */
import { changed, type Json, placesOf } from './json-places.ts'
import type { Random } from './random.ts'

export type WireFrame = string | Uint8Array<ArrayBuffer>
/** What a socket would say if it were honest; the storm is made of it. */
export interface Sound {
  readonly json: readonly Json[]
  readonly binary: readonly Uint8Array<ArrayBuffer>[]
}

const WORDS: readonly Json[] = [
  null,
  -1,
  0,
  2 ** 53,
  1e308,
  '',
  'A'.repeat(43),
  "'; DROP TABLE mesh.delivery; --",
  '\u0000\u001b]0;x\u0007\u202e',
  'x'.repeat(5000),
  [],
  {},
  [[[[[[[[]]]]]]]],
]
const EDGES = [0, 1, 0x7f, 0x80, 0xff] as const

/** The next frame of a storm. */
export function stormFrame(random: Random, sound: Sound): WireFrame {
  switch (random.whole(8)) {
    case 0:
      return random.bytes(random.whole(600))
    case 1:
      return headed(random)
    case 2:
      return String.fromCharCode(...random.bytes(random.whole(300)))
    case 3:
      return torn(random, JSON.stringify(random.one(sound.json)))
    case 4:
    case 5:
      return misworded(random, random.one(sound.json))
    default:
      return turned(random, random.one(sound.binary).slice())
  }
}

/** A true head before noise: the items are what is wrong. */
function headed(random: Random): WireFrame {
  const frame = random.bytes(8 + random.whole(500))
  frame.set([1 + random.whole(7), 1, 0, 1 + random.whole(4)])
  return frame
}

/** Text with a piece lost, doubled or overwritten. */
function torn(random: Random, text: string): WireFrame {
  const at = random.whole(text.length)
  const size = random.whole(20)
  const noise = String.fromCharCode(...random.bytes(random.whole(4)))
  const back = random.one([at, at + size, Math.max(0, at - size)])
  return random.one([text.slice(0, at), text.slice(0, at) + noise + text.slice(back)])
}

/** A frame with one to three places changed, now and then with a place too many. */
function misworded(random: Random, frame: Json): WireFrame {
  let said = frame
  for (let i = 0; i <= random.whole(3); i++) {
    const places = placesOf(said)
    if (places.length === 0) break
    const place = random.one(places)
    const to = random.whole(3) === 0 ? undefined : random.one(WORDS)
    said =
      random.whole(10) === 0 ? changed(said, [...place.slice(0, -1), 'surplus'], 1) : changed(said, place, to)
  }
  return JSON.stringify(said)
}

/** Bits turned, edges written, pieces lost or doubled. */
function turned(random: Random, frame: Uint8Array<ArrayBuffer>): WireFrame {
  const at = random.whole(frame.length)
  switch (random.whole(4)) {
    case 0:
      for (let i = 0; i <= random.whole(8); i++) frame[random.whole(frame.length)]! ^= 1 << random.whole(8)
      return frame
    case 1:
      return frame.slice(0, at)
    case 2:
      frame.fill(random.one(EDGES), at, at + random.one([1, 2, 4, 8]))
      return frame
    default:
      return new Uint8Array([...frame.subarray(0, at), ...frame.subarray(random.whole(at + 1))])
  }
}
