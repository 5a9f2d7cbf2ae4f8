/** `block` and `grant`: whose messages reach this user, and which. */
import { parseAs } from '@claudemesh/protocol/parse-as'
import type { Command } from 'commander'
import { blockReply, reaches } from '../api/mesh-schema.ts'
import type { Cli } from '../output/cli.ts'
import { harmlessLine } from '../output/harmless.ts'
import { act, type CommonOptions, define } from './define.ts'

export function addBlock(program: Command): void {
  const commands = [
    {
      usage: 'block <member> [what]',
      about: 'take no messages of a member, or none of these: dm, broadcast; the sender is told',
      examples: ['claudemesh block mallory', 'claudemesh block bob broadcast'],
      block: true,
    },
    {
      usage: 'grant <member> [what]',
      about: 'take them again',
      examples: ['claudemesh grant bob', 'claudemesh grant bob dm'],
      block: false,
    },
  ]
  for (const { block, ...spec } of commands) {
    const command = define(program, { ...spec, mesh: true })
    act<CommonOptions>(command, async (cli, _options, [member = '', what]) => {
      const kinds = what === undefined ? [...reaches.options] : what.split(',')
      const unknown = kinds.find(kind => !parseAs(reaches, kind).success)
      if (unknown !== undefined)
        command.error(
          `error: there is no ${harmlessLine(unknown)}: dm, broadcast or both with a comma between`,
        )
      const now = await cli.ask('block', blockReply, {
        params: { member },
        query: { mesh: cli.mesh },
        body: { [block ? 'block' : 'grant']: kinds },
      })
      if (cli.json) return cli.object(now)
      show(cli, now)
    })
  }
}

function show(cli: Cli, { name, blocked }: { name: string; blocked: readonly string[] }): void {
  const who = harmlessLine(name)
  if (blocked.length === 0) cli.line(`Messages of ${who} are taken`)
  else cli.line(`Refused of ${who}: ${blocked.join(', ')}. What came before stays in the inbox.`)
}
