/** A clock whose hands the test turns: nothing that waits for time happens by itself. */
import type { Clock } from '../src/index.ts'

interface Alarm {
  at: number
  readonly everyMs: number | null
  readonly ring: () => void
}

export class TestClock implements Clock {
  private time = Date.now()
  private passed = 0
  private readonly alarms = new Set<Alarm>()
  readonly now = (): number => this.time
  readonly elapsed = (): number => this.passed

  every(ms: number, tick: () => void): () => void {
    return this.add({ at: this.time + ms, everyMs: ms, ring: tick })
  }

  after(ms: number, ring: () => void): () => void {
    return this.add({ at: this.time + ms, everyMs: null, ring })
  }

  /** Turns the hands by `ms`; every alarm on the way rings in its order, a repeating one once however far they go. */
  turn(ms: number): void {
    this.time += ms
    const due = [...this.alarms].filter(alarm => alarm.at <= this.time).sort((a, b) => a.at - b.at)
    for (const alarm of due) {
      if (alarm.everyMs === null) this.alarms.delete(alarm)
      else alarm.at = this.time + alarm.everyMs
      alarm.ring()
    }
  }

  /** What is under way takes `ms` longer; turning the hands takes no time. */
  pass(ms: number): void {
    this.passed += ms
  }

  /** Whether something waits to ring once in just `ms`. */
  rings(ms: number): boolean {
    return [...this.alarms].some(({ at, everyMs }) => everyMs === null && at === this.time + ms)
  }

  private add(alarm: Alarm): () => void {
    this.alarms.add(alarm)
    return () => this.alarms.delete(alarm)
  }
}
