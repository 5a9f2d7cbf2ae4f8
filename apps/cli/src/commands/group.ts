/** `group` and `summary`: what a session says of itself, changed while it runs. */
import type { Command } from 'commander'
import { presenceReply } from '../api/schema.ts'
import type { Cli } from '../output/cli.ts'
import { harmlessLine } from '../output/harmless.ts'
import { act, define, group } from './define.ts'

export function addGroup(program: Command): void {
  const groups = group(
    program,
    'group',
    'join and leave groups with a session',
    'claudemesh group join core/backend:lead',
  )
  act(
    define(groups, {
      usage: 'join <group...>',
      about: 'be reached by @group, and by @ what is above it; after a colon the role in it',
      examples: ['claudemesh group join core/backend', 'claudemesh group join --as api ops:on-call'],
      as: true,
    }),
    async (cli, _options, join) => show(cli, { join }),
  )
  act(
    define(groups, {
      usage: 'leave <group...>',
      about: 'be reached by it no more',
      examples: ['claudemesh group leave core/backend'],
      as: true,
    }),
    async (cli, _options, leave) => show(cli, { leave }),
  )

  act(
    define(program, {
      usage: 'summary <text>',
      about: 'tell peers in a line what this session works on',
      examples: ['claudemesh summary "moving the queue to Postgres"', 'claudemesh summary --as api ""'],
      as: true,
    }),
    async (cli, _options, [summary = '']) => show(cli, { summary }),
  )
}

async function show(cli: Cli, change: object): Promise<void> {
  const now = await cli.ask('presence', presenceReply, { body: { as: cli.as, ...change } })
  if (cli.json) return cli.object(now)
  const groups =
    now.groups.length === 0 ? 'no group' : now.groups.map(each => `@${harmlessLine(each)}`).join(' ')
  cli.line(`${harmlessLine(now.name)}: ${groups}`)
  if (now.summary !== '') cli.line(`  ${harmlessLine(now.summary)}`)
}
