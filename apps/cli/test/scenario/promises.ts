/** Compares what a run promised with what came of it: every line it gives is a broken promise. */
import type { KillOutcome } from './kill-run.ts'

export function brokenPromises({ confirmed, uncertain, received, states }: KillOutcome): string[] {
  const broken: string[] = []
  const shown = new Map<string, number>()
  for (const text of received) shown.set(text, (shown.get(text) ?? 0) + 1)
  for (const [text, times] of shown) if (times > 1) broken.push(`${text} was shown ${times} times`)
  for (const text of confirmed) if (!shown.has(text)) broken.push(`${text} was confirmed and lost`)
  const known = new Set([...confirmed, ...uncertain])
  for (const text of shown.keys()) if (!known.has(text)) broken.push(`${text} was never written`)
  const numbers = received.map(text => Number(text.split(' ')[1]))
  for (const [i, n] of numbers.entries())
    if (i > 0 && n < numbers[i - 1]!) broken.push(`message ${n} was shown after message ${numbers[i - 1]}`)
  if (states.delivered !== confirmed.length) broken.push(`states at the sender: ${JSON.stringify(states)}`)
  return broken
}
