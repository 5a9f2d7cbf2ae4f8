/** `launch`: the real Claude Code as a session of the mesh. */

import { type Command, Option } from 'commander'
import { callDaemon } from '../api/client.ts'
import { splitGroups } from '../api/groups.ts'
import { endAs, launch } from '../launch/launch.ts'
import { act, type CommonOptions, define } from './define.ts'

interface LaunchOptions extends CommonOptions {
  name?: string
  role?: string
  groups?: string
  resume?: string
  continue?: boolean
  deliver?: 'push' | 'inbox' | 'off'
  yes?: boolean
  headless?: boolean
}

export function addLaunch(program: Command): void {
  const command = define(program, {
    usage: 'launch [claude-args...]',
    about: 'start claude as a session of the mesh; what follows -- goes to claude',
    examples: [
      'claudemesh launch --name api --groups core/backend:lead,ops',
      'claudemesh launch --continue -- --model opus',
      'claudemesh launch --headless -y --name night-watch > watch.jsonl',
      'claudemesh launch -y -- -p "ask alice/api whether the tests are green"',
    ],
    mesh: true,
  })
    .option('--name <name>', 'what peers call it')
    .option('--role <role>', 'what it does, in a word')
    .option('--groups <g:r,…>', 'groups it is in, with its role there if it has one, commas between')
    .addOption(
      new Option('--resume <id>', 'go on with this conversation, under the same key').conflicts('continue'),
    )
    .option('--continue', 'go on with the newest conversation of this directory')
    .addOption(
      new Option(
        '--deliver <how>',
        'push: messages come by themselves; inbox: claude hears their number and asks; off: neither (default: as before, else push)',
      ).choices(['push', 'inbox', 'off']),
    )
    .option('--headless', 'no terminal: woken by messages and by JSON lines on stdin, until it is ended')
    .option('-y, --yes', 'let claude use the mesh tools without asking')
  act<LaunchOptions>(
    command,
    async (cli, options, args) => {
      const groups = splitGroups(options.groups)
      const ending = await launch(
        {
          ...options,
          mesh: cli.mesh,
          groups,
          yes: options.yes === true,
          headless: options.headless === true,
          claude: args,
        },
        {
          // A daemon that is gone at the end is not started to be told: it sees by itself that the process ended.
          call: (route, request) =>
            route === 'closeSession'
              ? callDaemon(route, { ...request, home: cli.home })
              : cli.call(route, request),
          home: cli.home,
          env: process.env,
          cwd: process.cwd(),
          warn: cli.note,
        },
      )
      endAs(ending)
    },
    { ownSignals: true },
  )
}
