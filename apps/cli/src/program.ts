/** The command line as a whole: its commands, and what a failure looks like from outside. */
import { Command, CommanderError } from 'commander'
import { addBroker } from './commands/broker.ts'
import { addDaemon } from './commands/daemon.ts'
import { addDoctor } from './commands/doctor.ts'
import { addInbox } from './commands/inbox.ts'
import { addInvite } from './commands/invite.ts'
import { addJoin } from './commands/join.ts'
import { addLaunch } from './commands/launch.ts'
import { addMcp } from './commands/mcp.ts'
import { addMembers } from './commands/members.ts'
import { addMesh } from './commands/mesh.ts'
import { addOutbox } from './commands/outbox.ts'
import { addPeers } from './commands/peers.ts'
import { addSend } from './commands/send.ts'
import { addSession } from './commands/session.ts'
import { addStatus } from './commands/status.ts'
import { addTrace } from './commands/trace.ts'
import { addUp } from './commands/up.ts'
import { addVersion } from './commands/version.ts'
import { sayError } from './output/error-line.ts'
import { painterFor } from './output/paint.ts'

/** In the order of `--help`. */
const COMMANDS: readonly ((program: Command) => void)[] = [
  addUp,
  addPeers,
  addSend,
  addInbox,
  addOutbox,
  addTrace,
  addStatus,
  addLaunch,
  addSession,
  addMesh,
  addInvite,
  addJoin,
  addMembers,
  addDaemon,
  addBroker,
  addMcp,
  addDoctor,
  addVersion,
]

/** Every command, ready to parse. */
function buildProgram(): Command {
  const program = new Command('claudemesh')
    .description('Claude Code sessions that talk to each other, end to end encrypted.')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .helpOption('-h, --help', 'what it does, with an example')
    .helpCommand('help [command]', 'the same as --help')
    .addHelpText(
      'after',
      '\nExamples:\n  $ claudemesh up\n  $ claudemesh join <link>\n  $ claudemesh send alice "the tests are green"',
    )
  for (const add of COMMANDS) add(program)
  return program
}

/** Runs one command line and answers its exit code; what went wrong stands on stderr. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const program = buildProgram()
  try {
    if (argv.length === 0) program.outputHelp()
    else await program.parseAsync(argv, { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0
    const { exit, code, line, field, facts, rest } = sayError(thrown)
    const options = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
    const red = painterFor(process.stderr)
    process.stderr.write(
      options.includes('--json')
        ? `${JSON.stringify({ error: { code, message: line, field, facts } })}\n`
        : `${red('red', 'claudemesh:')} ${line}\n`,
    )
    if (options.includes('--verbose') && rest !== '') process.stderr.write(`${rest}\n`)
    return exit
  }
}
