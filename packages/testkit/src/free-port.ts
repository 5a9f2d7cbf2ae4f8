/** A port for what is killed and started again: none that the system gives to others meanwhile. */
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that systems hand out by themselves (32768 on Linux, 49152 elsewhere), above the well-known ones. */
const [FIRST, LAST] = [15_000, 32_000]

/** A free port of loopback that only who names it gets. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    const server = createServer()
    try {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    } catch {
      continue
    }
    server.close()
    await once(server, 'close')
    return port
  }
}
