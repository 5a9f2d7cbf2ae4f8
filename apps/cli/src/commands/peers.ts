/** `peers`: who is there, by what their own signed words say. */
import type { Command } from 'commander'
import { z } from 'zod'
import { reaches } from '../api/groups.ts'
import { type Peer, peer, statusReply } from '../api/schema.ts'
import { changedPeers } from '../output/changed-peers.ts'
import type { Cli } from '../output/cli.ts'
import { harmlessLine } from '../output/harmless.ts'
import { lookAlikes } from '../output/look-alikes.ts'
import { shownName } from '../output/names.ts'
import type { Paint } from '../output/paint.ts'
import { table } from '../output/table.ts'
import { clock, relative } from '../output/times.ts'
import { unconfirmed } from '../output/unconfirmed.ts'
import { act, type CommonOptions, define } from './define.ts'

interface PeersOptions extends CommonOptions {
  group?: string
  watch?: boolean
}

export function addPeers(program: Command): void {
  const peers = define(program, {
    usage: 'peers',
    about: 'who is there, what they do and since when',
    examples: ['claudemesh peers', 'claudemesh peers --group backend --json', 'claudemesh peers --watch'],
    mesh: true,
    as: true,
  })
    .option('--group <name>', 'only sessions of this group and those below it')
    .option('--watch', 'stay, and show what changes')
  act<PeersOptions>(peers, async (cli, { group, watch }) => {
    const query = { mesh: cli.mesh, as: cli.as }
    const asked = group?.replace(/^@/, '')
    const within = (all: Peer[]): Peer[] =>
      asked === undefined ? all : all.filter(each => each.groups.some(one => reaches(asked, one)))
    if (watch === true) {
      await warn(cli)
      const show = process.stdout.isTTY && !cli.json ? await redraw(cli) : changes(cli)
      for await (const all of cli.follow('peers', z.array(peer), { query: { ...query, follow: true } }))
        show(within(all))
      return
    }
    const [everybody] = await Promise.all([cli.ask('peers', z.array(peer), { query }), warn(cli)])
    for (const line of await lookAlikes(everybody.map(each => ({ ...each, name: each.person }))))
      cli.note(line)
    const shown = within(everybody)
    if (cli.json) return cli.objects(shown.map(jsonOf))
    cli.line(drawn(cli, shown))
  })
}

async function warn(cli: Cli): Promise<void> {
  const { meshes } = await cli.ask('status', statusReply)
  for (const { id, name, unconfirmedSince } of meshes)
    if (unconfirmedSince !== null && [undefined, id, name].includes(cli.mesh))
      cli.note(unconfirmed(name, unconfirmedSince))
}

function drawn(cli: Cli, peers: readonly Peer[]): string {
  if (peers.length === 0) return 'Nobody here yet. Invite somebody: claudemesh invite'
  return table(
    ['NAME', 'STATUS', 'SINCE', 'GROUPS', 'SUMMARY'],
    peers.map(each => [
      shownName(each.name, each, cli.paint),
      statusOf(each, cli.paint),
      sinceOf(each),
      each.groups.map(harmlessLine).join(' '),
      harmlessLine(each.summary),
    ]),
  )
}

/** How often a table on a terminal is drawn again so that its ages stay true, ms. */
const REDRAW_MS = 5000

/** On a terminal: the whole table, in its place. */
async function redraw(cli: Cli): Promise<(peers: readonly Peer[]) => void> {
  const { clearScreenDown, cursorTo } = await import('node:readline')
  let now: readonly Peer[] = []
  const draw = () => {
    cursorTo(process.stdout, 0, 0)
    clearScreenDown(process.stdout)
    cli.line(drawn(cli, now))
  }
  setInterval(draw, REDRAW_MS).unref()
  return peers => {
    now = peers
    draw()
  }
}

/** Into a pipe: everybody once, then whoever changed; `gone` are those that are no more. */
function changes(cli: Cli): (peers: readonly Peer[]) => void {
  let before: readonly Peer[] | undefined
  return now => {
    for (const { peer, gone } of changedPeers(before, now)) tell(cli, peer, gone)
    before = now
  }
}

function tell(cli: Cli, each: Peer, gone: boolean): void {
  if (cli.json) cli.object({ ...jsonOf(each), gone })
  else {
    const status = gone ? 'gone' : statusOf(each, cli.paint)
    cli.line(`${clock(Date.now())}  ${shownName(each.name, each, cli.paint)}  ${status}`)
  }
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
  const what = each.waitingFor === '' ? '' : ` (${harmlessLine(each.waitingFor)})`
  return paint(colour[each.status], each.status) + what + (each.lease === 'away' ? ', away' : '')
}

/** The stable fields first, in their order. */
function jsonOf(each: Peer): Record<string, unknown> {
  const { name, member, session, uuid, status, statusSource, statusAt, online, ...more } = each
  return { name, member, session, uuid, status, statusSource, statusAt, online, ...more }
}
