/** `invite`: links that let somebody in. A link is shown when it is made and never again. */
import type { Command } from 'commander'
import { Option } from 'commander'
import { z } from 'zod'
import { inviteList, inviteReply } from '../api/mesh-schema.ts'
import type { Cli } from '../output/cli.ts'
import { harmlessLine } from '../output/harmless.ts'
import { shownName } from '../output/names.ts'
import { table } from '../output/table.ts'
import { relative } from '../output/times.ts'
import { act, type CommonOptions, define, unknownBelow } from './define.ts'
import { duration, whole } from './durations.ts'

export function addInvite(program: Command): void {
  const invite = define(program, {
    usage: 'invite',
    about: 'make a link that lets somebody in',
    examples: [
      'claudemesh invite',
      'claudemesh invite --role admin --uses 3 --expires 7d',
      'claudemesh invite list',
    ],
    mesh: true,
  })
    .allowExcessArguments()
    .usage('[options] | list | revoke <id>')
    .addOption(
      new Option('--role <role>', 'what the invited becomes')
        .choices(['admin', 'member', 'viewer'])
        .default('member'),
    )
    .option('--uses <n>', 'how many may join with it', whole(1, 1000), 1)
    .addOption(
      new Option('--expires <time>', 'how long it works, up to 30d')
        .argParser(duration)
        .default(86_400_000, '24h'),
    )
    .option('--qr', 'show it as a QR code too')
  act<CommonOptions & { role: string; uses: number; expires: number; qr?: boolean }>(
    invite,
    async (cli, options, [word]) => {
      if (word !== undefined) unknownBelow(invite, word)
      const made = await cli.ask('createInvite', inviteReply, {
        body: { mesh: cli.mesh, role: options.role, uses: options.uses, expiresMs: options.expires },
      })
      await showLink(cli, made, options.qr === true)
    },
  )

  act(
    define(invite, {
      usage: 'list',
      about: 'the invites of your meshes, without their links',
      examples: ['claudemesh invite list'],
      mesh: true,
    }),
    async cli => {
      const invites = await cli.ask('invites', inviteList, { query: { mesh: cli.mesh } })
      if (cli.json) return cli.objects(invites)
      if (invites.length === 0) return cli.line('No invites. Make one: claudemesh invite')
      cli.line(
        table(
          ['ID', 'MESH', 'ROLE', 'STATE', 'USED', 'ENDS', 'BY'],
          invites.map(i => [
            i.id,
            harmlessLine(i.mesh),
            i.role,
            i.state,
            `${i.used}/${i.uses}`,
            relative(i.expiresAt, Date.now()),
            shownName(i.by, i.byKey, cli.paint),
          ]),
        ),
      )
    },
  )

  act(
    define(invite, {
      usage: 'revoke <id>',
      about: 'end an invite; its link lets nobody in any more',
      examples: ['claudemesh invite revoke q3Jx0c1r'],
      mesh: true,
    }),
    async (cli, _options, [id = '']) => {
      await cli.ask('revokeInvite', z.unknown(), { params: { id }, query: { mesh: cli.mesh } })
      if (cli.json) return cli.object({ id, revoked: true })
      cli.line('Revoked.')
    },
  )
}

const PAIR_MS = 600_000

/** `pair`: for a device at hand. */
export function addPair(program: Command): void {
  act(
    define(program, {
      usage: 'pair',
      about: 'a link and a QR code for a browser or phone of yours: once, and for ten minutes',
      examples: ['claudemesh pair'],
      mesh: true,
    }),
    async cli => {
      const body = { mesh: cli.mesh, role: 'member', uses: 1, expiresMs: PAIR_MS }
      await showLink(cli, await cli.ask('createInvite', inviteReply, { body }), true)
    },
  )
}

/** The link alone on stdout, under it its picture; what it is worth on stderr. */
async function showLink(cli: Cli, made: z.output<typeof inviteReply>, qr: boolean): Promise<void> {
  const { link, id, expiresAt, uses } = made
  if (cli.json) return cli.object({ link, id, expiresAt, uses })
  cli.line(link)
  if (qr) {
    const { default: qrcode } = await import('qrcode')
    cli.line(await qrcode.toString(link, { type: 'terminal', small: true }))
  }
  const times = uses === 1 ? 'once' : `${uses} times`
  cli.note(
    `Works ${times}, ends ${relative(expiresAt, Date.now())}. Whoever has it can join: claudemesh join '<link>'`,
  )
}
