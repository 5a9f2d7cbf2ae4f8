/** `limits`: how much of others the sessions of this machine take. */
import type { Command } from 'commander'
import { type NoiseLimits, noiseLimitsReply } from '../api/noise-schema.ts'
import { harmlessLine } from '../output/harmless.ts'
import { table } from '../output/table.ts'
import { act, define } from './define.ts'

const ABOUT: Record<keyof NoiseLimits, string> = {
  hops: 'turns of agents behind a message, no person in between; one with more is refused',
  inbox: 'unread messages of a mailbox; what is above is refused',
  inboxMember: 'of these, of one member',
  pairBurst: 'messages of one sender that a session is handed at once',
  pairMinute: 'and in a minute once those are used up; the rest is held',
  threadBurst: 'the same within one thread of that sender',
  threadMinute: 'and in a minute',
  loop: 'short messages of ever the same between two sessions that are held as a loop',
}
const NAMES = Object.keys(ABOUT) as (keyof typeof ABOUT)[]
/** As typed: `pair-burst`. */
const typed = (name: string): string => name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)

export function addLimits(program: Command): void {
  const limits = define(program, {
    usage: 'limits [changes...]',
    about: 'how much of others the sessions here take; with name=number, change it',
    examples: ['claudemesh limits', 'claudemesh limits hops=8 inbox-member=200'],
    mesh: true,
  })
  act(limits, async (cli, _options, changes) => {
    const body = Object.fromEntries(
      changes.map(change => {
        const [, word, number] = /^([a-z-]+)=(\d{1,9})$/.exec(change) ?? []
        const name = NAMES.find(each => typed(each) === word)
        if (name === undefined)
          limits.error(
            `error: ${harmlessLine(change)} is no limit: name=number, of ${NAMES.map(typed).join(', ')}`,
          )
        return [name, Number(number)]
      }),
    )
    const route = changes.length === 0 ? 'limits' : 'setLimits'
    const now = await cli.ask(route, noiseLimitsReply, {
      query: { mesh: cli.mesh },
      ...(changes.length === 0 ? {} : { body }),
    })
    if (cli.json) return cli.object(now)
    cli.line(`In ${harmlessLine(now.mesh)}:`)
    cli.line(
      table(
        ['LIMIT', 'NOW', 'IS'],
        NAMES.map(name => [typed(name), String(now.limits[name]), ABOUT[name]]),
      ),
    )
  })
}
