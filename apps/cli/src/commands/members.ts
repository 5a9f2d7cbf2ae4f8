/** `members` and `remove`: who is in, and putting somebody out. */
import type { Command } from 'commander'
import { z } from 'zod'
import { memberList } from '../api/mesh-schema.ts'
import { confirmed } from '../output/confirm.ts'
import { harmlessLine } from '../output/harmless.ts'
import { lookAlikes } from '../output/look-alikes.ts'
import { shownName } from '../output/names.ts'
import { table } from '../output/table.ts'
import { relative } from '../output/times.ts'
import { act, type CommonOptions, define } from './define.ts'

export function addMembers(program: Command): void {
  act(
    define(program, {
      usage: 'members',
      about: 'who is in the mesh',
      examples: ['claudemesh members'],
      mesh: true,
    }),
    async cli => {
      const members = await cli.ask('members', memberList, { query: { mesh: cli.mesh } })
      for (const line of await lookAlikes(members)) cli.note(line)
      if (cli.json) return cli.objects(members)
      cli.line(
        table(
          ['NAME', 'ROLE', 'JOINED', 'KEY', 'MESH'],
          members.map(m => [
            shownName(m.name, m, cli.paint),
            m.role,
            relative(m.joinedAt, Date.now()),
            m.member.slice(0, 12),
            harmlessLine(m.mesh),
          ]),
        ),
      )
    },
  )

  const remove = define(program, {
    usage: 'remove <member>',
    about: 'put a member out of the mesh, at once and for good',
    examples: ['claudemesh remove mallory', 'claudemesh remove -y mallory'],
    mesh: true,
  }).option('-y, --yes', 'do not ask')
  act<CommonOptions & { yes?: boolean }>(remove, async (cli, options, [member = '']) => {
    const sure = await confirmed(cli, options, {
      message: `Remove ${harmlessLine(member)} for good? Open invites end with it.`,
      why: `Removing ${member} is final`,
      initialValue: false,
    })
    if (!sure) return
    await cli.ask('removeMember', z.unknown(), { params: { member }, query: { mesh: cli.mesh } })
    if (cli.json) return cli.object({ member, removed: true })
    cli.line(
      `${harmlessLine(member)} is out. Every open invite of this mesh is void; the mesh has a new key.`,
    )
  })
}
