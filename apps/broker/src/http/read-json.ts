/** A request's body as JSON, read up to a bound whatever its headers promise. */
import { MeshError } from '@claudemesh/protocol'

/** Throws `too-large` above `maxBytes`, `bad-field` for what is not JSON, or ends early. */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of request.body ?? []) {
      size += chunk.length
      if (size > maxBytes) throw new MeshError('too-large', `A body holds at most ${maxBytes} bytes.`)
      chunks.push(chunk)
    }
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    throw new MeshError('bad-field', 'The body ended before its time.', { cause })
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new MeshError('bad-field', 'The body is not JSON.')
  }
}
