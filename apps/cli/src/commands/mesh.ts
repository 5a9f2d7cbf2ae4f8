/** `mesh`: founding, listing and leaving meshes. */
import { MeshError } from '@claudemesh/protocol/errors'
import type { Command } from 'commander'
import { z } from 'zod'
import { meshInfo } from '../api/schema.ts'
import type { Cli } from '../output/cli.ts'
import { confirmed } from '../output/confirm.ts'
import { harmlessLine } from '../output/harmless.ts'
import { table } from '../output/table.ts'
import { userName } from '../up/user-name.ts'
import { act, type CommonOptions, define, group } from './define.ts'

export function addMesh(program: Command): void {
  const mesh = group(program, 'mesh', 'found, list, rename, move and leave meshes', 'claudemesh mesh list')

  const create = define(mesh, {
    usage: 'create <name>',
    about: 'found a mesh of your own on a broker',
    examples: ['claudemesh mesh create team --broker https://mesh.example.org'],
  })
    .requiredOption('--broker <url>', 'where the broker answers')
    .option('--as-name <name>', 'your name in it (default: your user name)')
    .option('--token-file <file>', 'file of the token the broker asks founders for')
  act<CommonOptions & { broker: string; asName?: string; tokenFile?: string }>(
    create,
    async (cli, options, [name]) => {
      const token = options.tokenFile === undefined ? undefined : await readTokenFile(options.tokenFile)
      const made = await cli.ask('createMesh', meshInfo, {
        body: { name, broker: options.broker, memberName: options.asName ?? userName(), token },
      })
      if (cli.json) return cli.object(made)
      cli.line(`Mesh ${cli.paint('bold', harmlessLine(made.name))} is founded; you are its owner.`)
      cli.line(`Invite somebody: claudemesh invite --mesh ${harmlessLine(made.name)}`)
    },
  )

  act(
    define(mesh, {
      usage: 'list',
      about: 'the meshes this user is in',
      examples: ['claudemesh mesh list --json'],
    }),
    async cli => {
      const meshes = await cli.ask('meshes', z.array(meshInfo))
      if (cli.json) return cli.objects(meshes)
      if (meshes.length === 0)
        return cli.line('No mesh yet. Join one: claudemesh join <link>; or start one: claudemesh up')
      cli.line(
        table(
          ['MESH', 'YOU', 'ROLE', 'STATE', 'MEMBERS', 'BROKER'],
          meshes.map(m => [
            harmlessLine(m.name),
            harmlessLine(m.memberName),
            m.role,
            m.why === null ? m.state : `${m.state}: ${harmlessLine(m.why)}`,
            String(m.members),
            harmlessLine(m.broker),
          ]),
        ),
      )
    },
  )

  act(
    define(mesh, {
      usage: 'rename <name>',
      about: 'give the mesh another name, for everybody (owners)',
      examples: ['claudemesh mesh rename "core team"'],
      mesh: true,
    }),
    async (cli, _options, [name]) => {
      const renamed = await cli.ask('renameMesh', meshInfo, {
        params: { mesh: await meshId(cli) },
        body: { name },
      })
      if (cli.json) return cli.object(renamed)
      cli.line(`The mesh is called ${cli.paint('bold', harmlessLine(renamed.name))} now.`)
    },
  )

  act(
    define(mesh, {
      usage: 'move <broker-url>',
      about: 'reach the broker of the mesh under another address (owners)',
      examples: ['claudemesh mesh move https://mesh.example.org'],
      mesh: true,
    }),
    async (cli, _options, [broker]) => {
      const moved = await cli.ask('moveBroker', meshInfo, {
        params: { mesh: await meshId(cli) },
        body: { broker },
      })
      if (cli.json) return cli.object(moved)
      cli.line(
        `${harmlessLine(moved.name)} is reached at ${harmlessLine(moved.broker)}; links say so from now on.`,
      )
    },
  )

  for (const paused of [true, false])
    act(
      define(mesh, {
        usage: paused ? 'pause' : 'resume',
        about: paused
          ? 'hold all messages to all sessions of the mesh, everywhere (owners, admins)'
          : 'hand over what was held in the whole mesh (owners, admins)',
        examples: [`claudemesh mesh ${paused ? 'pause' : 'resume'}`],
        mesh: true,
      }),
      async cli => {
        const now = await cli.ask('pauseMesh', meshInfo, {
          params: { mesh: await meshId(cli) },
          body: { paused },
        })
        if (cli.json) return cli.object(now)
        const name = harmlessLine(now.name)
        cli.line(
          paused
            ? `${name} is paused: mail is kept and handed to no session. Go on with: claudemesh mesh resume`
            : `Messages in ${name} go to the sessions again.`,
        )
      },
    )

  const leave = define(mesh, {
    usage: 'leave [mesh]',
    about: 'leave a mesh; your keys for it stop working for ever',
    examples: ['claudemesh mesh leave team'],
  }).option('-y, --yes', 'do not ask')
  act<CommonOptions & { yes?: boolean }>(leave, async (cli, options, [named]) => {
    const meshes = await cli.ask('meshes', z.array(meshInfo))
    const only = meshes.length === 1 ? meshes[0]?.name : undefined
    const name = named ?? only
    if (name === undefined)
      throw new MeshError('usage', 'Which mesh? Name it: claudemesh mesh leave <mesh>.', {
        facts: { candidates: meshes.map(m => m.name) },
      })
    const sure = await confirmed(cli, options, {
      message: `Leave ${harmlessLine(name)} for good?`,
      why: `Leaving ${name} is final`,
      initialValue: false,
    })
    if (!sure) return
    await cli.ask('leaveMesh', z.unknown(), { params: { mesh: name } })
    if (cli.json) return cli.object({ mesh: name, left: true })
    cli.line(`You have left ${harmlessLine(name)}.`)
  })
}

/** Of the mesh meant by --mesh, or the only one. */
async function meshId(cli: Cli): Promise<string> {
  const meshes = await cli.ask('meshes', z.array(meshInfo))
  const named = cli.mesh ?? (meshes.length === 1 ? meshes[0]?.id : undefined)
  if (named !== undefined) return named
  throw new MeshError('usage', 'Which mesh? Name it with --mesh.', {
    facts: { candidates: meshes.map(m => m.name) },
  })
}

async function readTokenFile(file: string): Promise<string> {
  try {
    return (await Bun.file(file).text()).trim()
  } catch (cause) {
    throw new MeshError('usage', `The file of --token-file cannot be read: ${file}.`, { cause })
  }
}
