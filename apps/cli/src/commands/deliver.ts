/** `deliver`: how the mail of a session comes: by itself, as a number that is told, or not at all. */
import type { Command } from 'commander'
import { Argument } from 'commander'
import { presenceReply } from '../api/schema.ts'
import { harmlessLine } from '../output/harmless.ts'
import { act, define } from './define.ts'

const WORDS = {
  push: 'messages come by themselves',
  inbox: 'it hears how many messages wait, and asks for them',
  off: 'it is told of no message; they wait',
} as const

export function addDeliver(program: Command): void {
  const deliver = define(program, {
    usage: 'deliver',
    about: 'how messages come to a session; with a word, from now on and when it is launched again',
    examples: ['claudemesh deliver', 'claudemesh deliver inbox --as api'],
    as: true,
  }).addArgument(new Argument('[mode]', 'how').choices(Object.keys(WORDS)))
  act(deliver, async (cli, _options, [mode]) => {
    const now = await cli.ask('presence', presenceReply, { body: { as: cli.as, deliver: mode } })
    if (cli.json) return cli.object({ name: now.name, deliver: now.deliver })
    cli.line(`${harmlessLine(now.name)} is on ${now.deliver}: ${WORDS[now.deliver]}`)
  })
}
