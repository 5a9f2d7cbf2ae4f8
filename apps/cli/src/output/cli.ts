/** One command's way to the world: words to stdout, remarks to stderr, questions to the daemon. Answers are checked before use. */
import { MeshError } from '@claudemesh/protocol/errors'
import type { z } from 'zod'
import { callDaemon, type DaemonRequest, followDaemon } from '../api/client.ts'
import type { RouteName } from '../api/routes.ts'
import { currentHome } from '../home/paths.ts'
import { harmlessJson } from './harmless.ts'
import { type Paint, painterFor } from './paint.ts'

export interface Cli {
  readonly home: string
  readonly json: boolean
  readonly verbose: boolean
  readonly mesh: string | undefined
  readonly as: string | undefined
  /** A person looks at stdout and can answer on stdin. */
  readonly interactive: boolean
  readonly paint: Paint
  /** A line for a person on stdout; nothing with `--json`. */
  line(text: string): void
  /** One JSON object on its own line of stdout. */
  object(value: unknown): void
  /** One a line. */
  objects(values: readonly unknown[]): void
  /** Progress or a warning, on stderr. */
  note(text: string): void
  /** Asks the daemon, started first if none runs, for an answer that the caller checks. Throws what it answers. */
  call(route: RouteName, request?: DaemonRequest): Promise<unknown>
  /** The same for an answer of this shape; `internal` for another. */
  ask<S extends z.ZodType>(route: RouteName, reply: S, request?: DaemonRequest): Promise<z.output<S>>
  /** The same for an answer of many lines. */
  follow<S extends z.ZodType>(route: RouteName, line: S, request?: DaemonRequest): AsyncIterable<z.output<S>>
}

/** The options of a command line, as far as every command has them. */
export function openCli(options: { json?: boolean; verbose?: boolean; mesh?: string; as?: string }): Cli {
  const json = options.json === true
  const home = currentHome()
  const orStart = starter(home)
  const call: Cli['call'] = (route, request = {}) => orStart(() => callDaemon(route, { ...request, home }))
  return {
    home,
    json,
    verbose: options.verbose === true,
    mesh: options.mesh,
    as: options.as,
    get interactive() {
      return !json && process.stdin.isTTY === true && process.stdout.isTTY === true
    },
    get paint() {
      return painterFor(process.stdout)
    },
    line: text => {
      if (!json) process.stdout.write(`${text}\n`)
    },
    object: value => {
      process.stdout.write(`${harmlessJson(value)}\n`)
    },
    objects: values => {
      // At once: a thousand writes take longer than all else that is done with a thousand values.
      if (values.length > 0) process.stdout.write(values.map(value => `${harmlessJson(value)}\n`).join(''))
    },
    note: text => {
      process.stderr.write(`${text}\n`)
    },
    call,
    ask: async (route, reply, request) => checked(reply, await call(route, request)),
    follow: async function* (route, line, request = {}) {
      const lines = await orStart(() => followDaemon(route, { ...request, home }))
      for await (const each of lines) yield await checked(line, each)
    },
  }
}

/** Runs a call, and once more behind a daemon that is started where none answers: one, however many calls wait for it. */
function starter(home: string): <T>(call: () => Promise<T>) => Promise<T> {
  let started: Promise<void> | undefined
  const start = async () => (await import('../up/start-daemon.ts')).startDaemon(home)
  return async call => {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof MeshError) || error.facts?.daemon !== 'absent') throw error
      started ??= start()
      await started
      return call()
    }
  }
}

/** Elements of an answer from which on a schema is compiled first: that takes as long as to read so many, and makes it ten times as fast. */
const COMPILED_FROM = 250

const isLong = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.length > COMPILED_FROM
    : Object.values(value ?? {}).some(part => Array.isArray(part) && part.length > COMPILED_FROM)

/** Who has a schema has the library of schemas loaded; those of the wire are not, which take as long again. */
async function checked<S extends z.ZodType>(schema: S, value: unknown): Promise<z.output<S>> {
  const [{ parseAs }, { z }] = await Promise.all([import('@claudemesh/protocol/parse-as'), import('zod')])
  const parsed = parseAs(isLong(value) ? z.compile(schema) : schema, value)
  if (parsed.success) return parsed.data
  const field = parsed.error.issues[0]?.path.join('.') ?? ''
  throw new MeshError(
    'internal',
    `The daemon's answer is not understood (${field}): it is of another version. Restart it: \`claudemesh daemon stop\`.`,
    { cause: parsed.error },
  )
}
