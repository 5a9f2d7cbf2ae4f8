/** `trace`: the whole path of a message, and whose word each step stands on. */
import type { Command } from 'commander'
import { z } from 'zod'
import { type TraceStep, traceStep } from '../api/schema.ts'
import type { Cli } from '../output/cli.ts'
import { harmlessLine } from '../output/harmless.ts'
import { shownName } from '../output/names.ts'
import { table } from '../output/table.ts'
import { clock } from '../output/times.ts'
import { act, define } from './define.ts'

export function addTrace(program: Command): void {
  act(
    define(program, {
      usage: 'trace <id>',
      about: 'the whole path of a message, and who says so',
      examples: ['claudemesh trace 0199c1c4-77aa-7c3e-9d58-1f0c2b6e4a11'],
      mesh: true,
      as: true,
    }),
    async (cli, _options, [id = '']) => {
      const steps = await cli.ask('trace', z.array(traceStep), {
        params: { id },
        query: { mesh: cli.mesh, as: cli.as },
      })
      if (cli.json)
        return cli.objects(
          steps.map(({ at, state, by, verified, ...more }) => ({ at, state, by, verified, ...more })),
        )
      cli.line(
        table(
          ['AT', 'STATE', 'TO', 'SAYS', 'PROOF', 'WHY'],
          steps.map(step => [
            `${clock(step.at)}.${String(step.at % 1000).padStart(3, '0')}`,
            step.state,
            named(cli, step.to ?? '', step.toKey),
            named(cli, step.by, step.byKey),
            step.verified ? cli.paint('green', 'checked') : 'none',
            harmlessLine(step.why ?? ''),
          ]),
        ),
      )
    },
  )
}

const named = (cli: Cli, name: string, key: TraceStep['byKey']): string =>
  key === null ? harmlessLine(name) : shownName(name, key, cli.paint)
