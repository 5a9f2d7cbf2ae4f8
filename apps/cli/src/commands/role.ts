/** `role` and `rename`: what a member may do, and what it is called. */
import { Argument, type Command } from 'commander'
import { z } from 'zod'
import { setRoleReply } from '../api/mesh-schema.ts'
import { confirmed } from '../output/confirm.ts'
import { harmlessLine } from '../output/harmless.ts'
import { act, type CommonOptions, define } from './define.ts'

export function addRole(program: Command): void {
  const role = define(program, {
    usage: 'role <member>',
    about: 'give a member another role; a second owner is how a mesh is handed over',
    examples: ['claudemesh role bob admin', 'claudemesh role bob owner', 'claudemesh role mallory viewer'],
    mesh: true,
  })
    .addArgument(new Argument('<role>', 'what it may do').choices(['owner', 'admin', 'member', 'viewer']))
    .option('-y, --yes', 'do not ask')
  act<CommonOptions & { yes?: boolean }>(role, async (cli, options, [member = '', given = '']) => {
    if (given === 'owner') {
      const sure = await confirmed(cli, options, {
        message: `Make ${harmlessLine(member)} an owner? An owner may remove anybody, you too.`,
        why: `An owner may remove anybody, you too`,
        initialValue: false,
      })
      if (!sure) return
    }
    const set = await cli.ask('setRole', setRoleReply, {
      params: { member },
      query: { mesh: cli.mesh },
      body: { role: given },
    })
    if (cli.json) return cli.object(set)
    cli.line(
      `${harmlessLine(set.name)} is ${set.changed ? 'now' : 'already'} ${WITH_ARTICLE[set.role] ?? set.role}.`,
    )
    if (given === 'owner' && set.changed)
      cli.note('To hand the mesh over, give up your own role: claudemesh role <your name> member')
  })

  act(
    define(program, {
      usage: 'rename <name>',
      about: 'be called otherwise in a mesh',
      examples: ['claudemesh rename alice'],
      mesh: true,
    }),
    async (cli, _options, [name]) => {
      const reply = z.object({ name: z.string() })
      const renamed = await cli.ask('rename', reply, { query: { mesh: cli.mesh }, body: { name } })
      if (cli.json) return cli.object(renamed)
      cli.line(`You are called ${cli.paint('bold', harmlessLine(renamed.name))} now.`)
    },
  )
}

const WITH_ARTICLE: Readonly<Record<string, string>> = {
  owner: 'an owner',
  admin: 'an admin',
  member: 'a member',
  viewer: 'a viewer',
}
