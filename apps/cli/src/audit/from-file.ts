/** A log from an export file, line by line: it may be larger than memory. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { MeshError } from '@claudemesh/protocol/errors'
import { itemOf, type LogItem } from './lines.ts'

/** Throws `not-found` where there is no such file, `integrity` for a line that is none. */
export async function* logFromFile(path: string): AsyncGenerator<LogItem> {
  const file = createReadStream(path)
  let number = 0
  try {
    for await (const line of createInterface({ input: file })) {
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
