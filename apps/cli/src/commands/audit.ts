/** `audit`: the log that nobody can change unseen: its signed head, all of it, whether it holds, and what of it proves a message. */

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { MeshError } from '@claudemesh/protocol/errors'
import type { Command } from 'commander'
import { z } from 'zod'
import { callDaemon } from '../api/client.ts'
import { auditAccepted, auditHead, auditProof } from '../api/schema.ts'
import { logFromDatabase } from '../audit/from-database.ts'
import { logFromFile } from '../audit/from-file.ts'
import { itemOf, type LogItem, linesOf } from '../audit/lines.ts'
import { type VerifiedLog, verifyLog } from '../audit/verify.ts'
import type { Cli } from '../output/cli.ts'
import { confirmed } from '../output/confirm.ts'
import { harmlessLine } from '../output/harmless.ts'
import { table } from '../output/table.ts'
import { clock } from '../output/times.ts'
import { act, type CommonOptions, define, group } from './define.ts'

interface SourceOptions extends CommonOptions {
  database?: string
  file?: string
}

export function addAudit(program: Command): void {
  const audit = group(
    program,
    'audit',
    'the log of a mesh that nobody can change unseen',
    'claudemesh audit verify',
  )
  addHead(audit)
  addVerify(audit)
  addExport(audit)
  addProof(audit)
  addAccept(audit)
}

function addHead(audit: Command): void {
  const head = define(audit, {
    usage: 'head',
    about: 'the newest signed head that this machine has proven to follow all before it',
    examples: ['claudemesh audit head', 'claudemesh audit head --json'],
    mesh: true,
  })
  act(head, async cli => {
    const pinned = await cli.ask('auditHead', auditHead, { query: { mesh: cli.mesh } })
    if (cli.json) return cli.object(pinned)
    cli.line(`${harmlessLine(pinned.name)}: ${pinned.size} leaves, roster entry ${pinned.rosterSeq}\n`)
    cli.line(pinned.note.trimEnd())
  })
}

function addVerify(audit: Command): void {
  const verify = define(audit, {
    usage: 'verify',
    about: "check every leaf and every signed head: the broker's, a database's or a file's",
    examples: [
      'claudemesh audit verify',
      'claudemesh audit verify --file log.jsonl',
      'claudemesh audit verify --database postgres://…',
    ],
    mesh: true,
  })
    .option('--file <file>', 'an export; needs no broker and no daemon')
    .option('--database <url>', "the broker's database, read as it is")
  act<SourceOptions>(verify, async (cli, options) => {
    const outside = options.file !== undefined || options.database !== undefined
    const mesh = outside ? await idOf(cli) : undefined
    const own = outside ? undefined : await cli.ask('auditHead', auditHead, { query: { mesh: cli.mesh } })
    let older: number | undefined
    const known = async (id: string, head: string | undefined): Promise<string[]> => {
      const pinned = own ?? (await headHere(cli, id))
      if (pinned?.mesh !== id) return []
      // An export is of its day: what was signed since is no fault of it.
      if (head === undefined || options.file === undefined || pinned.size <= sizeOf(head))
        return [pinned.note]
      older = pinned.size
      return []
    }
    const report = await verifyLog(itemsOf(cli, options, mesh), {
      known,
      mesh: mesh?.length === 43 ? mesh : undefined,
    })
    if (older !== undefined)
      cli.note(
        `This file ends where the log had ${report.signed} leaves; this machine has seen it with ${older}.`,
      )
    if (cli.json) return cli.object(report)
    cli.line(cli.paint('green', 'The log holds.'))
    cli.line(words(report))
  })
}

const sizeOf = (note: string): number => Number(note.split('\n')[1])

function words({ mesh, leaves, signed, checkpoints, pruned, hidden }: VerifiedLog): string {
  const parts = [
    `${leaves} leaves of mesh ${mesh}`,
    `${checkpoints} signed heads, the newest over ${signed}`,
    pruned > 0 ? `${pruned} pruned by retention, their hashes hold` : '',
    hidden > 0 ? `${hidden} whose text is not yours to see` : '',
    leaves > signed ? `${leaves - signed} not signed yet` : '',
  ]
  return parts.filter(part => part !== '').join('; ')
}

function addExport(audit: Command): void {
  const command = define(audit, {
    usage: 'export',
    about: 'the whole log as JSON lines, with the roster that names its keys; it can be verified alone',
    examples: ['claudemesh audit export > log.jsonl', 'claudemesh audit export --out log.jsonl'],
    mesh: true,
  })
    .option('--out <file>', 'write it there instead of to stdout')
    .option('--database <url>', "straight from the broker's database")
  act<SourceOptions & { out?: string }>(command, async (cli, options) => {
    const out =
      options.out === undefined
        ? process.stdout
        : createWriteStream(options.out, { mode: 0o600, flags: 'wx' })
    const failed =
      options.out === undefined
        ? undefined
        : once(out, 'error').then(([cause]) => Promise.reject(unwritable(cause)))
    failed?.catch(() => {})
    let lines = 0
    for await (const item of itemsOf(cli, options, options.database && (await idOf(cli)))) {
      for (const line of linesOf(item)) {
        lines++
        if (!out.write(line)) await Promise.race([once(out, 'drain'), ...(failed ? [failed] : [])])
      }
    }
    if (options.out === undefined) return
    out.end()
    await Promise.race([once(out, 'finish'), failed])
    if (cli.json) cli.object({ file: options.out, lines })
    else
      cli.note(`${lines} lines in ${options.out}. Verify them: claudemesh audit verify --file ${options.out}`)
  })
}

const unwritable = (cause: unknown) =>
  new MeshError(
    'usage',
    `The file of --out cannot be made anew: ${harmlessLine(String((cause as Error).message))}`,
    { cause },
  )

function addProof(audit: Command): void {
  const proof = define(audit, {
    usage: 'proof <id>',
    about: 'that the broker logged what it accepted of a message: leaf, path and signed head',
    examples: ['claudemesh audit proof 0199c1c4-77aa-7c3e-9d58-1f0c2b6e4a11 --json'],
    mesh: true,
  })
  act(proof, async (cli, _options, [id = '']) => {
    const proofs = await cli.ask('auditProof', z.array(auditProof), {
      params: { id },
      query: { mesh: cli.mesh },
    })
    if (proofs.length === 0)
      throw new MeshError(
        'not-found',
        'No signed head covers this message yet: the broker signs within 10 s of it.',
      )
    if (cli.json) return cli.objects(proofs)
    cli.line(
      table(
        ['ACCEPTED', 'SEQ', 'LEAF', 'OF', 'PROOF'],
        proofs.map(each => [
          clock(each.at),
          String(each.seq),
          String(each.index),
          String(each.size),
          cli.paint('green', `${each.path.length} hashes, checked`),
        ]),
      ),
    )
  })
}

function addAccept(audit: Command): void {
  const accept = define(audit, {
    usage: 'accept',
    about: "the owner's word for the log of a broker that was restored from a backup",
    examples: ['claudemesh audit accept'],
    mesh: true,
  }).option('-y, --yes', 'do not ask')
  act<CommonOptions & { yes?: boolean }>(accept, async (cli, options) => {
    const sure = await confirmed(cli, options, {
      message:
        'Give up the log that was pinned for the one that the broker shows now? Only after a restore you know of.',
      why: 'Accepting another log is final',
      initialValue: false,
    })
    if (!sure) return
    const { old, now } = await cli.ask('auditAccept', auditAccepted, { query: { mesh: cli.mesh } })
    if (cli.json) return cli.object({ old, now })
    cli.line(
      `Given up: a log of ${old} leaves. Accepted: one of ${now}. The others follow when their daemons start again.`,
    )
  })
}

function itemsOf(
  cli: Cli,
  { file, database }: SourceOptions,
  mesh: string | undefined,
): AsyncIterable<LogItem> {
  if (file !== undefined && database !== undefined)
    throw new MeshError('usage', 'A log comes from a file or from a database, not from both.')
  if (file !== undefined) return logFromFile(file)
  if (database !== undefined) return logFromDatabase(database, mesh)
  return fromBroker(cli)
}

async function* fromBroker(cli: Cli): AsyncGenerator<LogItem> {
  let number = 0
  for await (const line of cli.follow('auditExport', z.unknown(), { query: { mesh: cli.mesh } }))
    yield itemOf(line, ++number)
}

/** `--mesh` as an id: by its name where a daemon runs that knows it. */
async function idOf(cli: Cli): Promise<string | undefined> {
  if (cli.mesh === undefined) return undefined
  const head = await headHere(cli, cli.mesh)
  return head?.mesh ?? cli.mesh
}

/** What this machine has pinned. Where the log is not the broker's no daemon is started, nor needed. */
async function headHere(cli: Cli, mesh: string): Promise<z.output<typeof auditHead> | undefined> {
  try {
    return auditHead.parse(await callDaemon('auditHead', { query: { mesh }, home: cli.home }))
  } catch (error) {
    if (error instanceof MeshError) return undefined
    throw error
  }
}
