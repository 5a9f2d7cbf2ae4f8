/** `outbox`: what has not arrived yet and why, and what never will; trying again, giving up. */
import type { Command } from 'commander'
import { z } from 'zod'
import { outboxMessage } from '../api/schema.ts'
import { harmlessLine } from '../output/harmless.ts'
import { shownName } from '../output/names.ts'
import { table } from '../output/table.ts'
import { relative } from '../output/times.ts'
import { act, type CommonOptions, define, unknownBelow } from './define.ts'

interface OutboxOptions extends CommonOptions {
  dead?: boolean
}

export function addOutbox(program: Command): void {
  const outbox = define(program, {
    usage: 'outbox',
    about: 'what has not arrived yet, and why',
    examples: ['claudemesh outbox', 'claudemesh outbox --dead', 'claudemesh outbox retry 0199c1c4-…'],
    mesh: true,
    as: true,
  })
    .option('--dead', 'only what was given up: refused, expired, never opened; for `retry` or `drop`')
    .allowExcessArguments()
    .usage('[options] | retry <id> | drop <id>')
  act<OutboxOptions>(outbox, async (cli, { dead }, [word]) => {
    if (word !== undefined) unknownBelow(outbox, word)
    const waiting = await cli.ask('outbox', z.array(outboxMessage), {
      query: { mesh: cli.mesh, as: cli.as, dead },
    })
    if (cli.json) return cli.objects(waiting)
    if (waiting.length === 0)
      return cli.line(dead === true ? 'Nothing was given up.' : 'Everything has arrived.')
    cli.line(
      table(
        ['TO', 'STATE', 'WHY', 'WRITTEN', 'GIVEN UP', 'ID'],
        waiting.flatMap(message =>
          message.recipients.map(each => [
            shownName(each.to, each, cli.paint),
            each.state,
            harmlessLine(each.why ?? ''),
            relative(message.composedAt, Date.now()),
            message.dead ? 'yes' : relative(message.endsAt, Date.now()),
            message.id,
          ]),
        ),
      ),
    )
  })

  act(
    define(outbox, {
      usage: 'retry <id>',
      about: 'send again what was given up',
      examples: ['claudemesh outbox retry 0199c1c4-…'],
      mesh: true,
    }),
    async (cli, _options, [id = '']) => {
      const answer = await cli.ask('retryOutbox', z.looseObject({ id: z.string() }).nullable(), {
        params: { id },
        query: { mesh: cli.mesh },
      })
      if (cli.json) return cli.object({ id: answer?.id ?? id })
      cli.line(`On its way again: ${answer?.id ?? id}`)
    },
  )

  act(
    define(outbox, {
      usage: 'drop <id>',
      about: 'give up a message and take it off the list',
      examples: ['claudemesh outbox drop 0199c1c4-…'],
      mesh: true,
    }),
    async (cli, _options, [id = '']) => {
      await cli.ask('dropOutbox', z.unknown(), { params: { id }, query: { mesh: cli.mesh } })
      if (cli.json) return cli.object({ id, dropped: true })
      cli.line('Dropped.')
    },
  )
}
