/** The load process: holds every socket of senders and recipients, so that what is measured has the other core to itself. */

import type { Command } from './commands.ts'
import { type IdleDaemon, idleCrowd } from './idle-crowd.ts'
import { insertLatency, insertLoad } from './insert-load.ts'
import { jetStreamJoin } from './jetstream-load.ts'
import { foundMesh, joinMesh, type Pair } from './join-mesh.ts'
import { largeCrowd } from './large-crowd.ts'
import { type LargeMesh, largeHistory } from './large-history.ts'
import { meshLatency } from './mesh-latency.ts'
import { meshThroughput } from './mesh-throughput.ts'
import { Readers } from './readers.ts'
import { redisJoin } from './redis-load.ts'
import { relayLatency, relayThroughput } from './relay-throughput.ts'
import { type Lane, rivalLatency, rivalThroughput } from './rival-load.ts'
import { attachShape, type Crowd, shapeThroughput } from './shape-throughput.ts'
import { storm } from './storm.ts'
import { syncLoad } from './sync-load.ts'
import { write } from './write.ts'

/** Serves the parent's commands, one at a time. */
export function load(): void {
  let pairs: Pair[] = []
  let lanes: Lane[] = []
  let large: LargeMesh | undefined
  let crowd: Crowd | undefined
  let readers: Readers | undefined
  const idle: IdleDaemon[] = []
  const run = async (command: Command): Promise<object> => {
    switch (command.do) {
      case 'relay':
        return relayThroughput(command)
      case 'relay-latency':
        return relayLatency(command)
      case 'insert-latency':
        return insertLatency(command)
      case 'sync':
        return syncLoad()
      case 'join':
        pairs = await joinMesh(command)
        return { pairs: pairs.length }
      case 'throughput':
        return meshThroughput(pairs, command)
      case 'latency':
        return meshLatency(pairs, command)
      case 'shape':
        crowd = await attachShape(command)
        return {}
      case 'shape-throughput':
        return shapeThroughput(crowd!, command)
      case 'idle':
        idle.push(...(await idleCrowd(command)))
        return {}
      case 'storm':
        return storm(idle)
      case 'insert':
        return insertLoad(command)
      case 'jetstream-join':
        lanes = await jetStreamJoin(command)
        return { pairs: lanes.length }
      case 'redis-join':
        lanes = await redisJoin(command)
        return { pairs: lanes.length }
      case 'rival-throughput':
        return rivalThroughput(lanes, command.ms)
      case 'rival-latency':
        return rivalLatency(lanes, command)
      case 'found':
        return (await foundMesh(command.port)).place
      case 'readers':
        readers = await Readers.attach(command.place, command.sessions)
        return readers.recipients
      case 'readers-cut':
        readers!.cut()
        return {}
      case 'readers-back':
        await readers!.back()
        return {}
      case 'read':
        await readers!.until(command.messages)
        return {}
      case 'write':
        return write(command)
      case 'history':
        large = await largeHistory(command)
        return { link: large.link }
      case 'crowd':
        await largeCrowd(large!, command.sessions)
        return {}
    }
  }
  process.on('disconnect', () => process.exit(0))
  process.on('message', (command: Command) => {
    run(command).then(
      answer => process.send?.(answer),
      (error: Error) => process.send?.({ failed: error.stack ?? String(error) }),
    )
  })
  process.send?.({ ready: true })
}
