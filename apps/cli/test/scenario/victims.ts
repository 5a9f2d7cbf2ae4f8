/** What the kill runs share: a seeded dice, and things that are killed and come back. */
import type { Machine } from '@claudemesh/testkit'

/** Mulberry32: one seed, one run. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Something that can be killed and comes back; a kill waits until it came back from the one before. */
export class Victim {
  back: Promise<void> = Promise.resolve()
  private readonly killAndRestart: () => Promise<void>
  constructor(killAndRestart: () => Promise<void>) {
    this.killAndRestart = killAndRestart
  }
  kill(): void {
    this.back = this.back.then(this.killAndRestart)
  }
}

/** kill -9, and started again as its user would. */
export async function restartDaemon(machine: Machine): Promise<void> {
  process.kill(machine.daemonPid(), 'SIGKILL')
  await machine.json('daemon', 'start')
}
