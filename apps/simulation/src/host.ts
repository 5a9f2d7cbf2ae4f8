/**
 * The host's own randomness under a seed. Keys, nonces and ids are made by `crypto.getRandomValues` everywhere, on purpose without
 * a way to pass another generator in: a product whose keys can be chosen has one more way to be attacked. So the simulation
 * stands in for the host, as it does for clock, network and disk.
 */
import nodeCrypto from 'node:crypto'
import type { Random } from './random.ts'

/**
 * Runs `work` on a host whose random bytes come from `random`, and which tells of promises that fail and nobody waits for: there a
 * real process would end. One at a time in a process.
 */
export async function onSeededHost<T>(
  { random, unhandled }: { random: Random; unhandled: (error: unknown) => void },
  work: () => Promise<T>,
): Promise<T> {
  if (Object.hasOwn(crypto, 'getRandomValues')) throw new Error('a history is under way in this process')
  Object.defineProperty(crypto, 'getRandomValues', {
    configurable: true,
    value: <A extends ArrayBufferView>(view: A): A => random.fill(view),
  })
  const answersNow = answerAtOnce()
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', unhandled)
  try {
    return await work()
  } finally {
    process.removeListener('unhandledRejection', unhandled)
    for (const other of others) process.on('unhandledRejection', other)
    Reflect.deleteProperty(crypto, 'getRandomValues')
    answersNow()
  }
}

/** Signatures that the product has verified on other threads are verified at once: how long a thread takes is no part of a seed. */
function answerAtOnce(): () => void {
  const { verify } = nodeCrypto
  const atOnce = (...given: unknown[]) => {
    const told = given.at(-1)
    if (typeof told !== 'function') return Reflect.apply(verify, nodeCrypto, given)
    const holds: unknown = Reflect.apply(verify, nodeCrypto, given.slice(0, -1))
    queueMicrotask(() => told(null, holds))
    return undefined
  }
  Object.assign(nodeCrypto, { verify: atOnce })
  return () => void Object.assign(nodeCrypto, { verify })
}
