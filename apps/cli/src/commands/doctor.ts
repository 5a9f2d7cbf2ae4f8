/** `doctor`: checks every link of the chain and says how to mend each. */
import type { Command } from 'commander'
import { z } from 'zod'
import { harmlessLine } from '../output/harmless.ts'
import { act, define } from './define.ts'

const check = z.looseObject({
  name: z.string(),
  ok: z.boolean(),
  message: z.string(),
  fix: z.string().nullish(),
})

export function addDoctor(program: Command): void {
  act(
    define(program, {
      usage: 'doctor',
      about: 'check every link of the chain and say how to mend it',
      examples: ['claudemesh doctor'],
    }),
    async cli => {
      const checks = await cli.ask('doctor', z.array(check))
      for (const each of checks) {
        if (cli.json) {
          cli.object(each)
          continue
        }
        const mark = each.ok ? cli.paint('green', '✓') : cli.paint('red', '✗')
        cli.line(`${mark} ${harmlessLine(each.name)}: ${harmlessLine(each.message)}`)
        if (!each.ok && each.fix) cli.line(`    ${harmlessLine(each.fix)}`)
      }
      const bad = checks.filter(each => !each.ok).length
      if (bad === 0) return
      process.exitCode = 1
      cli.note(`claudemesh: ${bad} of ${checks.length} checks failed; what to do stands beside each.`)
    },
  )
}
