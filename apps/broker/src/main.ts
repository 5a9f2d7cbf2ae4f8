/**
 * The process: environment → settings → broker; the first signal drains it, the second ends it at once. With the one argument
 * `migrate` it brings the database to this version and ends: what a host runs before it lets a release start.
 */
import { ERRORS, MeshError } from '@claudemesh/protocol'
import { restInQuiet } from './rest.ts'
import { migrateDatabase, startBroker } from './server.ts'
import { readSettings } from './settings.ts'

const LAST_MS = 9500

try {
  const settings = readSettings(process.env)
  if (process.argv[2] === 'migrate') {
    await migrateDatabase(settings.DATABASE_URL)
    process.exit(0)
  }
  const broker = await startBroker(settings)
  restInQuiet()
  let signalled = false
  const onSignal = () => {
    if (signalled) process.exit(1)
    signalled = true
    // Whatever hangs, the process is gone in time: what is accepted is in the database already.
    setTimeout(() => process.exit(1), LAST_MS).unref()
    void broker.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
} catch (cause) {
  if (!(cause instanceof MeshError)) throw cause
  process.stderr.write(`${cause.message}\n`)
  process.exit(ERRORS[cause.code].exit)
}
