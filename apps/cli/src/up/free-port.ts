/** Whether the broker can listen where it is told to, before anything else is started. */
import { createServer } from 'node:net'
import { MeshError } from '@claudemesh/protocol/errors'

/** `port`, or a free one for 0; `setting` is where a person changes it. Throws `conflict` for a taken one, `forbidden` for one this user may not have. */
export async function freePort(port: number, address: string, setting: string): Promise<number> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EADDRINUSE')
      throw new MeshError(
        'conflict',
        `Port ${port} is taken by another program: end that, or choose another with ${setting}.`,
        {
          field: 'port',
          cause,
        },
      )
    if (code === 'EACCES')
      throw new MeshError(
        'forbidden',
        `This user may not listen on port ${port}: choose one above 1023 with ${setting}.`,
        {
          field: 'port',
          cause,
        },
      )
    throw new MeshError('usage', `The broker cannot listen on ${address}:${port} (${code}).`, {
      field: 'host',
      cause,
    })
  }
  const found = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof found === 'object' && found !== null ? found.port : port
}
