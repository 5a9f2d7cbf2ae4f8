/** `join`: shows who invites whom into what, asks, and makes this user a member. */
import type { Command } from 'commander'
import { joinPreview, joinReply } from '../api/mesh-schema.ts'
import { confirmed } from '../output/confirm.ts'
import { harmlessLine } from '../output/harmless.ts'
import { lookAlikes } from '../output/look-alikes.ts'
import { relative } from '../output/times.ts'
import { userName } from '../up/user-name.ts'
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
    if (cli.interactive && options.yes !== true) {
      const seen = await cli.ask('joinPreview', joinPreview, { body: { link } })
      cli.note(
        `Mesh ${cli.paint('bold', harmlessLine(seen.mesh))} at ${harmlessLine(seen.broker)}: ` +
          `${harmlessLine(seen.inviter)} (unverified) invites you as ${seen.role}; the link ends ${relative(seen.expiresAt, Date.now())}.`,
      )
    }
    const sure = await confirmed(cli, options, {
      message: 'Join?',
      why: 'Joining asks first',
      initialValue: true,
    })
    if (!sure) return
    const joined = await cli.ask('join', joinReply, { body: { link, name: options.name ?? userName() } })
    if (cli.json) cli.object({ mesh: joined.mesh, member: joined.member, role: joined.role })
    cli.line(`You are in ${cli.paint('bold', harmlessLine(joined.mesh))} as ${joined.role}.`)
    cli.line('Who is there: claudemesh peers. Whether they are who they say: claudemesh verify <peer>')
    for (const line of await lookAlikes(joined.members)) cli.note(line)
  })
}
