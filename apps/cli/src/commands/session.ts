/** `session`: peers without Claude, for scripts, jobs and tests. */
import type { Command } from 'commander'
import { Option } from 'commander'
import { z } from 'zod'
import { splitGroups } from '../api/groups.ts'
import { openSessionReply, sessionList } from '../api/session-schema.ts'
import { harmlessLine } from '../output/harmless.ts'
import { table } from '../output/table.ts'
import { relative } from '../output/times.ts'
import { act, type CommonOptions, define, group } from './define.ts'

interface OpenOptions extends CommonOptions {
  uuid?: string
  name?: string
  role?: string
  groups?: string
  summary?: string
  pid?: number
}

export function addSession(program: Command): void {
  const session = group(
    program,
    'session',
    'open, close and list sessions',
    'claudemesh session open --uuid "$(uuidgen)" --name ci',
  )

  const open = define(session, {
    usage: 'open',
    about: 'attach a session that the daemon keeps until it is closed',
    examples: [
      'claudemesh session open --name ci',
      'claudemesh session open --uuid "$UUID" --name api --groups backend',
    ],
    mesh: true,
  })
    .option('--uuid <uuid>', 'which session: the same UUID is the same session again (default: a new one)')
    .option('--name <name>', 'what peers call it')
    .option('--role <role>', 'what it does, in a word')
    .option('--groups <g:r,…>', 'groups it is in, with its role there if it has one, commas between')
    .option('--summary <text>', 'what it works on')
    .addOption(new Option('--pid <pid>', 'close it when this process ends').argParser(Number))
  act<OpenOptions>(open, async (cli, options) => {
    const opened = await cli.ask('openSession', openSessionReply, {
      body: {
        mesh: cli.mesh,
        uuid: (options.uuid ?? crypto.randomUUID()).toLowerCase(),
        name: options.name,
        role: options.role,
        groups: splitGroups(options.groups),
        summary: options.summary,
        directory: process.cwd(),
        pid: options.pid,
        kind: 'plain',
        deliver: 'inbox',
      },
    })
    if (cli.json) return cli.object(opened)
    cli.line(
      `Session ${cli.paint('bold', harmlessLine(opened.name))} is open in ${harmlessLine(opened.mesh)}.`,
    )
    cli.line(`Its mail: claudemesh inbox --as ${opened.uuid}`)
  })

  act(
    define(session, {
      usage: 'close <session>',
      about: 'detach a session, by name or UUID; its mail waits for the next time',
      examples: ['claudemesh session close ci'],
    }),
    async (cli, _options, [which = '']) => {
      await cli.ask('closeSession', z.unknown(), { params: { uuid: which } })
      if (cli.json) return cli.object({ session: which, closed: true })
      cli.line('Closed.')
    },
  )

  act(
    define(session, {
      usage: 'list',
      about: "this machine's sessions",
      examples: ['claudemesh session list'],
      mesh: true,
    }),
    async cli => {
      const sessions = await cli.ask('sessions', sessionList, { query: { mesh: cli.mesh } })
      if (cli.json) return cli.objects(sessions)
      if (sessions.length === 0)
        return cli.line('No sessions. Start one: claudemesh launch, or claudemesh session open')
      cli.line(
        table(
          ['NAME', 'STATUS', 'SINCE', 'MAIL', 'UNREAD', 'MESH', 'UUID'],
          sessions.map(s => [
            harmlessLine(s.name),
            standing(s),
            relative(s.statusAt, Date.now()),
            s.deliver,
            String(s.unread),
            harmlessLine(s.mesh),
            s.uuid,
          ]),
        ),
      )
    },
  )
}

function standing(s: z.output<typeof sessionList>[number]): string {
  if (s.processes.length > 1) return `${s.status}, in ${s.processes.length} processes`
  if (s.attached) return s.status
  return s.open ? `${s.status}, not attached` : 'closed'
}
