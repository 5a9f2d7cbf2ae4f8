/** `peers`: who is there, by what their own signed words say. */
import type { Command } from 'commander'
import { z } from 'zod'
import { reaches } from '../api/groups.ts'
import { type Peer, peer, statusReply } from '../api/schema.ts'
import { harmlessLine } from '../output/harmless.ts'
import { shownName } from '../output/names.ts'
import type { Paint } from '../output/paint.ts'
import { table } from '../output/table.ts'
import { relative } from '../output/times.ts'
import { unconfirmed } from '../output/unconfirmed.ts'
import { act, type CommonOptions, define } from './define.ts'

export function addPeers(program: Command): void {
  const peers = define(program, {
    usage: 'peers',
    about: 'who is there, what they do and since when',
    examples: ['claudemesh peers', 'claudemesh peers --group backend --json'],
    mesh: true,
    as: true,
  }).option('--group <name>', 'only sessions of this group and those below it')
  act<CommonOptions & { group?: string }>(peers, async (cli, options) => {
    const found = await cli.ask('peers', z.array(peer), { query: { mesh: cli.mesh, as: cli.as } })
    const shown = found.filter(
      each =>
        options.group === undefined ||
        each.groups.some(one => reaches(options.group!.replace(/^@/, ''), one)),
    )
    const { meshes } = await cli.ask('status', statusReply)
    for (const { id, name, unconfirmedSince } of meshes)
      if (unconfirmedSince !== null && [undefined, id, name].includes(cli.mesh))
        cli.note(unconfirmed(name, unconfirmedSince))
    if (cli.json) return cli.objects(shown.map(jsonOf))
    if (shown.length === 0) return cli.line('Nobody here yet. Invite somebody: claudemesh invite')
    cli.line(
      table(
        ['NAME', 'STATUS', 'SINCE', 'GROUPS', 'SUMMARY'],
        shown.map(each => [
          shownName(each.name, each, cli.paint),
          statusOf(each, cli.paint),
          sinceOf(each),
          each.groups.map(harmlessLine).join(' '),
          harmlessLine(each.summary),
        ]),
      ),
    )
  })
}

function sinceOf({ session, statusAt, statusSource }: Peer): string {
  if (session === null) return ''
  const since = relative(statusAt, Date.now())
  return statusSource === '' ? since : `${since}, ${harmlessLine(statusSource)}`
}

function statusOf(each: Peer, paint: Paint): string {
  if (each.session === null) return paint('dim', 'no session')
  if (each.lease === 'offline') return paint('dim', 'offline')
  const colour = {
    idle: 'green',
    working: 'yellow',
    waiting: 'magenta',
    dnd: 'red',
    closed: 'dim',
    unknown: 'dim',
  } as const
  return paint(colour[each.status], each.status) + (each.lease === 'away' ? ', away' : '')
}

/** The stable fields first, in their order. */
function jsonOf(each: Peer): Record<string, unknown> {
  const { name, member, session, uuid, status, statusSource, statusAt, online, ...more } = each
  return { name, member, session, uuid, status, statusSource, statusAt, online, ...more }
}
