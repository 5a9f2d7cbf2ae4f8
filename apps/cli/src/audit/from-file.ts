/** A log from an export file, line by line: it may be larger than memory. */
import { createReadStream } from 'node:fs'
import { MeshError } from '@claudemesh/protocol/errors'
import { itemOf, type LogLine, strange } from './lines.ts'

/** Characters of a line: several times what a roster entry or a leaf of the largest size takes. */
const LONGEST_LINE = 4 << 20

/** Throws `not-found` where there is no such file, `integrity` for a line that is none. */
export async function* logFromFile(path: string): AsyncGenerator<LogLine> {
  const file = createReadStream(path, { encoding: 'utf8' })
  let number = 0
  try {
    for await (const line of linesOf(file)) {
      number++
      if (line !== '') yield itemOf(line, number)
    }
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    throw new MeshError('not-found', `The file ${path} cannot be read.`, { cause })
  } finally {
    file.destroy()
  }
}

/** Without their line feeds. Never holds more than one line of the longest size and one piece of the file. */
async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let number = 1
  let rest = ''
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop()!
    number += lines.length
    yield* lines
    if (rest.length > LONGEST_LINE) throw strange(number)
  }
  yield rest
}
