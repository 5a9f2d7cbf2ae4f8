/** One Postgres for all files of a test run, started when the first of them asks: initdb in every file was a tenth of the suite. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'

/** Port on loopback where the run tells the address of its server. */
const VARIABLE = 'CLAUDEMESH_TEST_POSTGRES_PORT'

/** The address of the run's server; `undefined` outside of a run that has one. */
export function postgresUrlOfRun(): Promise<string> | undefined {
  const port = Number(process.env[VARIABLE])
  return port > 0 ? text(connect(port, '127.0.0.1')) : undefined
}

/** Serves the address to whoever asks; `start` is called once, by the first. Answers how to stop. */
export async function servePostgresOfRun(
  start: () => Promise<{ url: string; stop(): Promise<void> }>,
): Promise<() => Promise<void>> {
  let server: ReturnType<typeof start> | undefined
  const listener = createServer(socket => {
    server ??= start()
    server.then(
      ({ url }) => socket.end(url),
      error => socket.destroy(error),
    )
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  process.env[VARIABLE] = String((listener.address() as AddressInfo).port)
  return async () => {
    delete process.env[VARIABLE]
    listener.close()
    await (await server)?.stop()
  }
}
