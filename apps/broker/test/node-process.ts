/** A node of the broker as a process of its own that is replaced as a deploy does it: ended by SIGTERM, started again on its port. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { freePort } from '@claudemesh/testkit'
import { expect } from 'vitest'

/** pino's number for an error. */
const ERROR = 50

/** Starts the broker so that it listens on `port`; its stdout is a pipe. */
type Start = (port: number) => ChildProcess

export interface NodeProcess {
  readonly port: number
  /** Lines of its log that tell of an error, of all its lives. */
  readonly errors: readonly string[]
  /** Ends it; fails where it does not end well. */
  end(): Promise<void>
  /** Ends it and starts it again, or another in its place; resolves when that is ready. */
  replace(next?: Start): Promise<void>
}

/** Resolves when it is ready. Rejects with what it said on stderr, where that is a pipe, if it ends instead. */
export async function startNode(start: Start): Promise<NodeProcess> {
  const port = await freePort()
  const errors: string[] = []
  const begin = async (how: Start) => {
    const broker = how(port)
    const ended = once(broker, 'close')
    let said = ''
    broker.stderr?.on('data', chunk => {
      said += chunk
    })
    await new Promise<void>((resolve, reject) => {
      createInterface(broker.stdout!).on('line', line => {
        const { msg, level } = JSON.parse(line) as { msg: string; level: number }
        if (level >= ERROR) errors.push(line)
        if (msg === 'broker.started') resolve()
      })
      broker.once('close', code => reject(new Error(`ended with ${code}: ${said}`)))
    })
    return async () => {
      broker.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
    }
  }
  let end = await begin(start)
  return {
    port,
    errors,
    end: () => end(),
    async replace(next = start) {
      await end()
      end = await begin(next)
    },
  }
}
