/** A process of the bench's own: started from the same entry, asked one thing at a time, ended by its handle. */
import { EventEmitter, once } from 'node:events'
import { constants, setPriority } from 'node:os'

export interface Child {
  /** Sends a command and waits for the one answer to it. */
  ask<T>(command: object): Promise<T>
  /** What the process said by itself when it was ready. */
  hello<T>(): Promise<T>
  /** Stops it where it is, so that it reads nothing, until `resume`. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

/** Starts this program again in the role `as`. `behind`: it gets what the others leave of the cores, as if on a machine of its own. */
export function startChild(as: 'relay' | 'load', { behind = false } = {}): Child {
  const said = new EventEmitter()
  const child = Bun.spawn([process.execPath, '--bun', `${import.meta.dir}/main.ts`, '--as', as], {
    stdio: ['ignore', 'inherit', 'inherit'],
    ipc: message => void said.emit('message', message),
    onExit: (_, code) => void said.emit('error', new Error(`the ${as} process ended with ${code}`)),
  })
  if (behind) setPriority(child.pid, constants.priority.PRIORITY_LOW)
  const next = async <T>(): Promise<T> => {
    const [message] = (await once(said, 'message')) as [T & { failed?: string }]
    if (message.failed !== undefined) throw new Error(`${as}: ${message.failed}`)
    return message
  }
  return {
    ask<T>(command: object) {
      const answer = next<T>()
      child.send(command)
      return answer
    },
    hello: next,
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    async stop() {
      said.on('error', () => {})
      child.kill()
      await child.exited
    },
  }
}
