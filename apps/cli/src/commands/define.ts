/** The shape every command shares: `--json`, `--verbose`, an example in its help, one way in for its work. */
import type { Command } from 'commander'
import { type Cli, openCli } from '../output/cli.ts'

export interface CommonOptions {
  json?: boolean
  verbose?: boolean
  mesh?: string
  as?: string
}

export interface Definition {
  /** Name and arguments as commander reads them: `trace <id>`. */
  usage: string
  /** One sentence without a full stop. */
  about: string
  /** At least one, as typed. */
  examples: readonly string[]
  /** Takes `--mesh`. */
  mesh?: boolean
  /** Takes `--as`. */
  as?: boolean
}

/** Adds a command with the common options; the caller adds its own and its work. */
export function define(parent: Command, definition: Definition): Command {
  const command = parent.command(definition.usage).description(definition.about)
  if (definition.mesh === true)
    command.option('--mesh <name>', 'which mesh, by name or id prefix, where several are joined')
  if (definition.as === true) command.option('--as <session>', 'speak for this session, by name or UUID')
  command
    .option('--json', 'one JSON object, or one a line')
    .option('--verbose', 'say everything about an error')
  const word = definition.examples.length === 1 ? 'Example' : 'Examples'
  return command.addHelpText(
    'after',
    `\n${word}:\n${definition.examples.map(line => `  $ ${line}`).join('\n')}`,
  )
}

/** A command that only has commands below it. Alone it is a usage error that names them. */
export function group(parent: Command, name: string, about: string, example: string): Command {
  const command = parent.command(`${name} [command]`).description(about)
  command.addHelpText('after', `\nExample:\n  $ ${example}`).usage('<command>')
  return command.allowExcessArguments().action((given: string | undefined) => {
    if (given !== undefined) unknownBelow(command, given)
    command.error(`error: '${name}' needs a command: ${below(command)}`, { exitCode: 2 })
  })
}

/** For a command that does something alone and has commands below it: refuses a word that is none of them. */
export function unknownBelow(command: Command, given: string): never {
  return command.error(`error: unknown command '${command.name()} ${given}': there is ${below(command)}`, {
    exitCode: 2,
  })
}

const below = (command: Command): string => command.commands.map(child => child.name()).join(', ')

/**
 * What the command does. `args` are its positional words, flat. Ctrl-C ends it with 130 unless `ownSignals`
 * (it takes something down in order, or hands the terminal to another program).
 */
export function act<O extends CommonOptions>(
  command: Command,
  work: (cli: Cli, options: O, args: string[]) => Promise<void>,
  how: { ownSignals?: boolean } = {},
): void {
  command.action(async () => {
    if (how.ownSignals !== true) process.once('SIGINT', () => process.exit(130))
    const options = command.optsWithGlobals<O>()
    await work(openCli(options), options, command.args)
  })
}
