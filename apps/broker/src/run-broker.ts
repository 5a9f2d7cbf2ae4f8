/** The life of a broker on ports that somebody else made: clock, storage, log, and whatever brings it sockets. */
import { assemble } from './assemble.ts'
import { arrive } from './backplane/arrive.ts'
import { lookSoon } from './backplane/look.ts'
import type { Broker } from './broker.ts'
import { drain } from './drain.ts'
import { takeNode } from './presence/leases.ts'
import type { Settings } from './settings.ts'
import { startSweeps } from './sweeps.ts'

/** What brings sockets to a broker. */
export interface Listening {
  /** `host[:port]` that clients may dial, lower case. */
  readonly hosts: readonly string[]
  /** No socket comes any more, and all are gone. */
  close(): Promise<void>
}

/**
 * Claims the node, opens the door by `listen` and starts the sweeps. `stop` drains and closes the storage; it may be called
 * again. Throws what the storage or `listen` throws; nothing runs then.
 */
export async function runBroker(
  settings: Settings,
  { clock, ...ports }: Pick<Broker, 'clock' | 'log' | 'key' | 'db' | 'backplane' | 'tracing'>,
  listen: (broker: Broker) => Listening,
): Promise<{ stop(): Promise<void> }> {
  const broker = assemble(settings, clock, ports)
  await takeNode(broker)
  const door = listen(broker)
  broker.hosts = door.hosts
  broker.backplane.listen(
    news => arrive(broker, news),
    () => lookSoon(broker),
  )
  const stopSweeps = startSweeps(broker)
  let ending: Promise<void> | undefined
  const end = () => {
    stopSweeps()
    return drain(broker, () => door.close())
  }
  return {
    stop() {
      ending ??= end()
      return ending
    },
  }
}
