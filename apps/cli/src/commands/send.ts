/** `send`: says how far a message really came, for every recipient, and keeps what has not gone yet. */
import { ERRORS, MeshError } from '@claudemesh/protocol/errors'
import type { Command } from 'commander'
import { Option } from 'commander'
import { type SendReply, type SendState, sendReply } from '../api/schema.ts'
import { harmlessLine } from '../output/harmless.ts'
import { shownName } from '../output/names.ts'
import { unconfirmed } from '../output/unconfirmed.ts'
import { act, type CommonOptions, define } from './define.ts'
import { duration } from './durations.ts'

interface SendOptions extends CommonOptions {
  priority: string
  ttl?: number
  replyTo?: string
  thread?: string
  wait: string
  timeout: number
}

export function addSend(program: Command): void {
  const send = define(program, {
    usage: 'send <to-and-text...>',
    about: 'send a message to people, sessions, groups or @all',
    examples: [
      'claudemesh send alice "the tests are green"',
      'claudemesh send bob/api @backend "deploying in five minutes"',
      'git diff | claudemesh send alice -',
    ],
    mesh: true,
    as: true,
  })
    .usage('[options] <to...> <text or ->')
    .addOption(
      new Option('--priority <when>', 'how soon it should be seen')
        .choices(['now', 'next', 'low'])
        .default('next'),
    )
    .option('--ttl <time>', 'how long it may wait for its recipient, up to 30d (default: 7d)', duration)
    .option('--reply-to <id>', 'the message this answers')
    .option('--thread <id>', 'the thread it belongs to')
    .addOption(
      new Option('--wait <state>', 'answer when this is reached')
        .choices(['none', 'accepted', 'delivered', 'surfaced'])
        .default('accepted'),
    )
    .addOption(
      new Option('--timeout <time>', 'stop waiting then; the message stays on its way')
        .argParser(duration)
        .default(30_000, '30s'),
    )
  act<SendOptions>(send, async (cli, options, words) => {
    const to = words.slice(0, -1)
    const last = words.at(-1) ?? ''
    if (to.length === 0)
      throw new MeshError(
        'usage',
        'Say to whom and what: claudemesh send <to...> <text>, or - to read the text from stdin.',
      )
    const text = last === '-' ? (await Bun.stdin.text()).replace(/\r?\n$/, '') : last
    if (text === '') throw new MeshError('usage', 'There is no text to send.')
    const sent = await cli.ask('send', sendReply, {
      body: {
        mesh: cli.mesh,
        as: cli.as,
        to,
        text,
        priority: options.priority,
        ttlMs: options.ttl,
        replyTo: options.replyTo,
        threadId: options.thread,
        wait: options.wait,
        timeoutMs: options.timeout,
      },
    })
    if (cli.json)
      cli.object({ id: sent.id, recipients: sent.recipients, unconfirmedSince: sent.unconfirmedSince })
    else {
      cli.line(sent.id)
      for (const each of sent.recipients)
        cli.line(
          `  ${shownName(each.to, each, cli.paint)}  ${cli.paint(GOOD.has(each.state) ? 'green' : 'yellow', each.state)}` +
            (each.why === null ? '' : `  ${harmlessLine(each.why)}`),
        )
    }
    if (sent.unconfirmedSince !== null) cli.note(unconfirmed(cli.mesh ?? 'the mesh', sent.unconfirmedSince))
    const exit = exitOf(sent)
    if (exit === 0) return
    process.exitCode = exit
    cli.note(remark(sent, options.wait))
  })
}

const GOOD = new Set<SendState>(['accepted', 'delivered', 'surfaced', 'answered'])

/** States in the order in which they decide the exit code. */
const EXITS: readonly (readonly [SendState, number])[] = [
  ['undecryptable', ERRORS.integrity.exit],
  ['removed', ERRORS.removed.exit],
  ['refused', ERRORS.forbidden.exit],
  ['unknown', ERRORS['unknown-recipient'].exit],
  ['expired', ERRORS.timeout.exit],
  ['failed', ERRORS.timeout.exit],
  ['pending', ERRORS.unreachable.exit],
]

function exitOf(sent: SendReply): number {
  if (sent.reached) return 0
  const states = new Set(sent.recipients.map(each => each.state))
  return EXITS.find(([state]) => states.has(state))?.[1] ?? ERRORS.timeout.exit
}

function remark(sent: SendReply, wait: string): string {
  const pending = sent.recipients.some(each => each.state === 'pending')
  const why = pending ? 'it is kept and goes out when the broker answers' : 'it is on its way'
  return `claudemesh: not ${wait} everywhere yet; ${why}. See: claudemesh trace ${sent.id}`
}
