/** What went wrong as one line for a person (what, why, what to do) or one object for a program; the rest only when asked. */
import { ERRORS, MeshError } from '@claudemesh/protocol/errors'
import { CommanderError } from 'commander'
import { harmlessLine } from './harmless.ts'

export interface SaidError {
  /** Exit code of the process (design/cli.md). */
  exit: number
  code: string
  line: string
  field?: string
  facts?: Record<string, unknown>
  /** Stack and causes, for `--verbose`. */
  rest: string
}

/** Never throws, whatever was thrown. */
export function sayError(thrown: unknown): SaidError {
  if (thrown instanceof CommanderError)
    return { exit: 2, code: 'usage', line: commanderLine(thrown.message), rest: '' }
  if (thrown instanceof MeshError)
    return {
      exit: ERRORS[thrown.code].exit,
      code: thrown.code,
      line: withCandidates(thrown),
      ...(thrown.field === undefined ? {} : { field: thrown.field }),
      ...(thrown.facts === undefined ? {} : { facts: thrown.facts }),
      rest: chain(thrown),
    }
  const why = thrown instanceof Error ? thrown.message : String(thrown)
  return {
    exit: 1,
    code: 'internal',
    line: `${harmlessLine(why)} (this is a fault of claudemesh; --verbose shows where)`,
    rest: chain(thrown),
  }
}

/** `error: unknown command 'pers'\n(Did you mean peers?)` → `unknown command 'pers' (did you mean peers?)`. */
function commanderLine(message: string): string {
  const line = harmlessLine(message.replace(/^error: /, '').replace('(Did you mean', '(did you mean'))
  return `${line}${/[.?!)]$/.test(line) ? '' : '.'} See \`claudemesh --help\`.`
}

function withCandidates(error: MeshError): string {
  const line = harmlessLine(error.message)
  const candidates = error.facts?.candidates
  if (!Array.isArray(candidates) || candidates.length === 0) return line
  const named = candidates.slice(0, 8).map(candidate => harmlessLine(String(candidate)))
  if (named.every(candidate => line.includes(candidate))) return line
  const more = candidates.length > named.length ? `, and ${candidates.length - named.length} more` : ''
  return `${line} Candidates: ${named.join(', ')}${more}.`
}

function chain(thrown: unknown): string {
  const parts: string[] = []
  for (let error = thrown, depth = 0; error !== undefined && depth < 8; depth++) {
    parts.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    error = error instanceof Error ? error.cause : undefined
  }
  return parts.join('\ncaused by: ')
}
