/** `inbox`: messages that checked out, oldest first. Reading marks them read, unless `--peek`. */
import type { Command } from 'commander'
import { type InboxMessage, inboxMessage } from '../api/schema.ts'
import type { Cli } from '../output/cli.ts'
import { harmless, harmlessLine } from '../output/harmless.ts'
import { shownName } from '../output/names.ts'
import { clock } from '../output/times.ts'
import { act, type CommonOptions, define } from './define.ts'

interface InboxOptions extends CommonOptions {
  all?: boolean
  follow?: boolean
  peek?: boolean
}

export function addInbox(program: Command): void {
  const inbox = define(program, {
    usage: 'inbox',
    about: 'read what has come',
    examples: ['claudemesh inbox', 'claudemesh inbox --as api --follow --json'],
    mesh: true,
    as: true,
  })
    .option('--all', 'what was read before too')
    .option('--follow', 'stay, and show what comes')
    .option('--peek', 'leave it unread')
  act<InboxOptions>(inbox, async (cli, { all, follow, peek }) => {
    let count = 0
    const query = { mesh: cli.mesh, as: cli.as, all, follow, peek }
    for await (const message of cli.follow('inbox', inboxMessage, { query })) {
      count += 1
      if (cli.json) cli.object(jsonOf(message))
      else show(cli, message)
    }
    if (count === 0 && !cli.json) cli.note(all === true ? 'Nothing has come yet.' : 'Nothing new.')
  })
}

function show(cli: Cli, message: InboxMessage): void {
  const who = message.note ? message.fromName : shownName(message.fromName, message, cli.paint)
  const marks = [
    message.priority === 'next' ? '' : message.priority,
    message.late ? 'late' : '',
    message.held === undefined ? '' : `held: ${message.held}`,
  ].filter(m => m !== '')
  const reply = message.replyTo === null ? '' : `, answers ${message.replyTo}`
  if (message.warning !== null) cli.line(cli.paint('yellow', `! ${harmlessLine(message.warning)}`))
  cli.line(
    `${who} → ${harmlessLine(message.to)}  ` +
      cli.paint('dim', [clock(message.sentAt), ...marks].join(', ') + reply) +
      `\n${indent(harmless(message.text))}\n  ${cli.paint('dim', message.id)}`,
  )
}

const indent = (text: string): string =>
  text
    .split('\n')
    .map(line => `  ${line}`)
    .join('\n')

/** The stable fields first, in their order. */
function jsonOf(message: InboxMessage): Record<string, unknown> {
  const { id, from, fromName, text, sentAt, receivedAt, replyTo, threadId, verified, ...more } = message
  return { id, from, fromName, text, sentAt, receivedAt, replyTo, threadId, verified, ...more }
}
