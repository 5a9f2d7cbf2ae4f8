/** `join`: shows who invites whom into what, asks, and makes this user a member. */
import { confirm, isCancel } from '@clack/prompts'
import { MeshError } from '@claudemesh/protocol'
import type { Command } from 'commander'
import { joinPreview, joinReply } from '../api/schema.ts'
import { harmlessLine } from '../output/harmless.ts'
import { relative } from '../output/times.ts'
import { act, type CommonOptions, define } from './define.ts'

export function addJoin(program: Command): void {
  const join = define(program, {
    usage: 'join <link>',
    about: 'become a member of the mesh an invite link leads to',
    examples: [
      "claudemesh join 'https://mesh.example.org/i/k3…#…'",
      "claudemesh join -y --name bob '<link>'",
    ],
  })
    .option('--name <name>', 'your name in it (default: your user name)')
    .option('-y, --yes', 'do not ask')
  act<CommonOptions & { name?: string; yes?: boolean }>(join, async (cli, options, [link = '']) => {
    if (options.yes !== true) {
      if (!cli.interactive)
        throw new MeshError('usage', 'Joining asks first: say -y where nobody can answer.')
      const seen = await cli.ask('joinPreview', joinPreview, { body: { link } })
      cli.note(
        `Mesh ${cli.paint('bold', harmlessLine(seen.mesh))} at ${harmlessLine(seen.broker)}: ` +
          `${harmlessLine(seen.inviter)} invites you as ${seen.role}; the link ends ${relative(seen.expiresAt, Date.now())}.`,
      )
      const yes = await confirm({ message: 'Join?' })
      if (isCancel(yes)) process.exit(130)
      if (!yes) throw new MeshError('usage', 'Not joined.')
    }
    const joined = await cli.ask('join', joinReply, { body: { link, name: options.name } })
    if (cli.json) return cli.object({ mesh: joined.mesh, member: joined.member })
    cli.line(`You are in ${cli.paint('bold', harmlessLine(joined.mesh))}.`)
    cli.line('Who is there: claudemesh peers')
  })
}
