/** Compares what senders were told with what stood in the models' contexts: every line it gives is a broken promise. */
import type { SessionKillOutcome } from './kill-sessions.ts'

export function brokenSessionPromises({ taken, told, given }: SessionKillOutcome): string[] {
  const broken: string[] = []
  for (const id of taken) {
    const states = told.get(id) ?? []
    const times = (state: string): number => states.filter(each => each.split(' ')[0] === state).length
    const { plain, again } = given.get(id) ?? { plain: 0, again: 0 }
    if (times('surfaced') === 0) broken.push(`${id} never surfaced: ${states.join(', ')}`)
    if (times('surfaced') > 1) broken.push(`${id} was told as surfaced ${times('surfaced')} times`)
    if (times('surfaced') > 0 && plain + again === 0)
      broken.push(`${id} was told as surfaced and never stood there`)
    for (const lie of ['refused', 'expired', 'failed', 'undecryptable', 'removed'])
      if (times(lie) > 0) broken.push(`${id} was told as ${lie}: ${states.join(', ')}`)
  }
  return broken
}
