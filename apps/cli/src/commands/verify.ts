/** `verify`: the number two people compare to know that nobody stands between them, and the word that they did. */
import type { Command } from 'commander'
import { z } from 'zod'
import { verifyReply } from '../api/mesh-schema.ts'
import type { Cli } from '../output/cli.ts'
import { harmlessLine } from '../output/harmless.ts'
import { typedKey } from '../output/names.ts'
import { relative } from '../output/times.ts'
import { act, type CommonOptions, define } from './define.ts'

type Reply = z.output<typeof verifyReply>

export function addVerify(program: Command): void {
  const verify = define(program, {
    usage: 'verify <peer>',
    about: 'compare keys with somebody, over a channel you trust, and confirm them',
    examples: ['claudemesh verify alice', 'claudemesh verify alice --confirm'],
    mesh: true,
  })
    .option('--confirm', 'you compared, and it was the same at the other end')
    .option('--forget', 'take a confirmation back')
  act<CommonOptions & { confirm?: boolean; forget?: boolean }>(verify, async (cli, options, [peer = '']) => {
    const query = { mesh: cli.mesh }
    if (options.forget === true) {
      if (options.confirm === true) verify.error("error: give either '--confirm' or '--forget'")
      await cli.ask('forgetKey', z.unknown(), { params: { peer }, query })
      if (cli.json) return cli.object({ peer, verified: false })
      return cli.line(`Taken back: ${harmlessLine(peer)} is not verified any more.`)
    }
    const seen = await cli.ask('safetyNumber', verifyReply, { params: { peer }, query })
    if (options.confirm !== true) {
      if (cli.json) return cli.object(jsonOf(seen))
      return show(cli, seen)
    }
    // By the key that was looked up: nobody can take the name in between.
    const params = { peer: seen.member }
    const confirmed = await cli.ask('confirmKey', verifyReply, { params, query })
    if (cli.json) return cli.object(jsonOf(confirmed))
    show(cli, confirmed)
  })
}

function show(
  cli: Cli,
  { name, mesh, member, digits, words, verified, nameTaken, verifiedAs, confirmedAt }: Reply,
): void {
  const who = harmlessLine(name)
  cli.line(`You and ${cli.paint('bold', who)} (key ${member.slice(0, 12)}) in ${harmlessLine(mesh)}:`)
  cli.line('')
  for (const at of [0, 4, 8]) cli.line(`  ${digits.slice(at, at + 4).join(' ')}`)
  cli.line('')
  for (const at of [0, 5, 10]) cli.line(`  ${words.slice(at, at + 5).join(' ')}`)
  cli.line('')
  if (nameTaken)
    cli.line(cli.paint('red', `! You verified ${who} with another key: this may be somebody else.`))
  if (verifiedAs !== null) cli.line(`You verified this key when it was called ${harmlessLine(verifiedAs)}.`)
  if (verified && confirmedAt !== null) cli.line(`Verified ${relative(confirmedAt, Date.now())}. ✓`)
  else {
    cli.line(
      `Ask ${who}, by voice or face to face, what theirs shows: digits or words, one of them is enough.`,
    )
    cli.line(`If it is the same: claudemesh verify --confirm ${typedKey(member)}`)
  }
}

/** The stable fields first, in their order. */
function jsonOf({ name, member, verified, digits, words, ...more }: Reply): Record<string, unknown> {
  return { name, member, verified, digits: digits.join(' '), words: words.join(' '), ...more }
}
