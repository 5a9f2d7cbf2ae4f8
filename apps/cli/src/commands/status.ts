/** `status`: how things stand here; with a word, what peers are told about this session. */
import type { Command } from 'commander'
import { Argument } from 'commander'
import { z } from 'zod'
import { statusReply } from '../api/schema.ts'
import { harmlessLine } from '../output/harmless.ts'
import { table } from '../output/table.ts'
import { relative } from '../output/times.ts'
import { unconfirmed } from '../output/unconfirmed.ts'
import { act, define } from './define.ts'

export function addStatus(program: Command): void {
  const status = define(program, {
    usage: 'status',
    about: 'how things stand here; with a word, set what peers see',
    examples: ['claudemesh status', 'claudemesh status dnd', 'claudemesh status --as api working'],
    as: true,
  }).addArgument(new Argument('[status]', 'what peers see from now on').choices(['idle', 'working', 'dnd']))
  act(status, async (cli, _options, [word]) => {
    if (word !== undefined) {
      await cli.ask('presence', z.unknown(), { body: { as: cli.as, status: word } })
      if (cli.json) return cli.object({ status: word })
      return cli.line(`Peers see: ${word}`)
    }
    const now = await cli.ask('status', statusReply)
    if (cli.json) return cli.object(now)
    cli.line(`Daemon ${now.version}, process ${now.pid}, started ${relative(now.startedAt, Date.now())}`)
    cli.line(`${now.sessions} sessions, ${now.unread} unread, ${now.outbox} on the way`)
    if (now.pausedSince !== null)
      cli.line(
        cli.paint(
          'yellow',
          `Delivery is paused here since ${relative(now.pausedSince, Date.now())}: claudemesh resume`,
        ),
      )
    for (const { name, deliver } of now.quiet)
      cli.line(cli.paint('yellow', quietLine(harmlessLine(name), deliver)))
    if (now.meshes.length > 0)
      cli.line(
        table(
          ['MESH', 'YOU', 'ROLE', 'STATE'],
          now.meshes.map(m => [
            harmlessLine(m.name),
            harmlessLine(m.memberName),
            m.role,
            cli.paint(m.state === 'online' ? 'green' : 'yellow', m.state) +
              (m.why === null ? '' : `: ${harmlessLine(m.why)}`),
          ]),
        ),
      )
    for (const { name, paused } of now.meshes)
      if (paused !== null)
        cli.line(
          cli.paint(
            'yellow',
            `${harmlessLine(name)} is paused for everybody since ${relative(paused.since, Date.now())}, by ${harmlessLine(paused.by)}: claudemesh mesh resume (owners, admins)`,
          ),
        )
    for (const { name, unconfirmedSince } of now.meshes)
      if (unconfirmedSince !== null) cli.line(cli.paint('yellow', `! ${unconfirmed(name, unconfirmedSince)}`))
    for (const problem of now.problems) cli.line(cli.paint('yellow', `! ${harmlessLine(problem.message)}`))
  })
}

const quietLine = (name: string, deliver: string): string =>
  `${name}: ${deliver === 'inbox' ? 'its mail waits until it asks; only the number is told' : 'no mail is shown to it'} (claudemesh deliver push --as ${name})`
