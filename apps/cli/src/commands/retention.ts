/** `retention`: how long mail that was read can be read again on this machine. */
import { Argument, type Command } from 'commander'
import { retentionReply } from '../api/schema.ts'
import { harmlessLine } from '../output/harmless.ts'
import { span } from '../output/times.ts'
import { act, define } from './define.ts'
import { duration } from './durations.ts'

export function addRetention(program: Command): void {
  const retention = define(program, {
    usage: 'retention',
    about: 'how long mail that was read can be read again here; with a time, set it',
    examples: ['claudemesh retention', 'claudemesh retention 7d'],
    mesh: true,
  })
    .addArgument(new Argument('[time]', '1h to 3650d; older texts are erased at once').argParser(duration))
    .addHelpText(
      'after',
      '\nThe text of a message that was read or shown to Claude is erased at most an hour after this time, from every byte of\nthe store. What nobody has read is kept. Senders, times and ids stay for `trace`.',
    )
  act(retention, async (cli, _options, [time]) => {
    const set = time === undefined ? {} : { body: { retentionMs: duration(time) } }
    const route = time === undefined ? 'retention' : 'setRetention'
    const now = await cli.ask(route, retentionReply, { query: { mesh: cli.mesh }, ...set })
    if (cli.json) return cli.object(now)
    cli.line(
      `In ${harmlessLine(now.mesh)}, mail that was read can be read again for ${span(now.retentionMs)}.`,
    )
  })
}
