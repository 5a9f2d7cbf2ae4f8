/** Many envelopes a frame, none of them above what a frame may hold. */
import { LIMITS } from '@claudemesh/protocol'
import type { Sealed } from './seal.ts'

export type Outgoing = Pick<Sealed, 'id' | 'bytes' | 'envelope'>

/** Room for the frame's head; each stored sealing counts with a head of its own. */
const FRAME_BYTES = LIMITS.frameBytes - 64

/** In their order; an envelope that alone is too large for a frame gets one to itself, and its refusal. */
export function intoFrames(all: readonly Outgoing[]): Outgoing[][] {
  const frames: Outgoing[][] = []
  let size = 0
  for (const one of all) {
    const frame = frames.at(-1)
    if (frame && size + one.bytes.length <= FRAME_BYTES) {
      frame.push(one)
      size += one.bytes.length
    } else {
      frames.push([one])
      size = one.bytes.length
    }
  }
  return frames
}
