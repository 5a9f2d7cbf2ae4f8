/** The command line as a whole: its commands, and what a failure looks like from outside. */
import { Command, CommanderError } from 'commander'
import { sayError } from './output/error-line.ts'
import { harmless, harmlessJson } from './output/harmless.ts'
import { painterFor } from './output/paint.ts'
import { VERSION } from './version.ts'

type Add = (program: Command) => void

/** In the order of `--help`. Only what a command line names is loaded: nobody who reads mail waits for the MCP library. */
const COMMANDS: readonly { names: readonly string[]; load: () => Promise<Add> }[] = [
  { names: ['up', 'down'], load: async () => (await import('./commands/up.ts')).addUp },
  { names: ['launch'], load: async () => (await import('./commands/launch.ts')).addLaunch },
  { names: ['peers'], load: async () => (await import('./commands/peers.ts')).addPeers },
  { names: ['send'], load: async () => (await import('./commands/send.ts')).addSend },
  { names: ['inbox'], load: async () => (await import('./commands/inbox.ts')).addInbox },
  { names: ['outbox'], load: async () => (await import('./commands/outbox.ts')).addOutbox },
  { names: ['retention'], load: async () => (await import('./commands/retention.ts')).addRetention },
  { names: ['trace'], load: async () => (await import('./commands/trace.ts')).addTrace },
  { names: ['status'], load: async () => (await import('./commands/status.ts')).addStatus },
  { names: ['group', 'summary'], load: async () => (await import('./commands/group.ts')).addGroup },
  { names: ['deliver'], load: async () => (await import('./commands/deliver.ts')).addDeliver },
  { names: ['pause', 'resume'], load: async () => (await import('./commands/pause.ts')).addPause },
  { names: ['session'], load: async () => (await import('./commands/session.ts')).addSession },
  { names: ['mesh'], load: async () => (await import('./commands/mesh.ts')).addMesh },
  { names: ['invite'], load: async () => (await import('./commands/invite.ts')).addInvite },
  { names: ['pair'], load: async () => (await import('./commands/invite.ts')).addPair },
  { names: ['join'], load: async () => (await import('./commands/join.ts')).addJoin },
  { names: ['members', 'remove'], load: async () => (await import('./commands/members.ts')).addMembers },
  { names: ['verify'], load: async () => (await import('./commands/verify.ts')).addVerify },
  { names: ['block', 'grant'], load: async () => (await import('./commands/block.ts')).addBlock },
  { names: ['limits'], load: async () => (await import('./commands/limits.ts')).addLimits },
  { names: ['role', 'rename'], load: async () => (await import('./commands/role.ts')).addRole },
  { names: ['backup', 'restore'], load: async () => (await import('./commands/backup.ts')).addBackup },
  { names: ['daemon'], load: async () => (await import('./commands/daemon.ts')).addDaemon },
  { names: ['broker'], load: async () => (await import('./commands/broker.ts')).addBroker },
  { names: ['hooks'], load: async () => (await import('./commands/hooks.ts')).addHooks },
  { names: ['mcp'], load: async () => (await import('./commands/mcp.ts')).addMcp },
  { names: ['audit'], load: async () => (await import('./commands/audit.ts')).addAudit },
  { names: ['doctor'], load: async () => (await import('./commands/doctor.ts')).addDoctor },
  { names: ['version'], load: async () => (await import('./commands/version.ts')).addVersion },
]

/** Of every module of commands the name of its first, which is the module's own. */
export const FIRST_NAMES: readonly string[] = COMMANDS.map(({ names }) => names[0]!)

/** The commands this command line may mean: the one it names, or all where it names none. */
async function buildProgram(named: string | undefined): Promise<Command> {
  const program = new Command('claudemesh')
    .description('Claude Code sessions that talk to each other, end to end encrypted.')
    .version(VERSION, '-v, --version', 'the version alone')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .helpOption('-h, --help', 'what it does, with an example')
    .helpCommand('help [command]', 'the same as --help')
    .addHelpText(
      'after',
      '\nExamples:\n  $ claudemesh up\n  $ claudemesh join <link>\n  $ claudemesh send alice "the tests are green"',
    )
  const meant = COMMANDS.filter(({ names }) => named !== undefined && names.includes(named))
  for (const { load } of meant.length > 0 ? meant : COMMANDS) (await load())(program)
  if (meant.length === 0) (await import('./commands/completions.ts')).addCompletions(program)
  return program
}

/** Runs one command line and answers its exit code; what went wrong stands on stderr. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const program = await buildProgram(argv[0])
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
        ? `${harmlessJson({ error: { code, message: line, field, facts } })}\n`
        : `${red('red', 'claudemesh:')} ${line}\n`,
    )
    if (options.includes('--verbose') && rest !== '') process.stderr.write(`${harmless(rest)}\n`)
    return exit
  }
}
