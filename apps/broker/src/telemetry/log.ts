/** JSON lines about what the broker does: codes, counts and public keys; never content, secrets or addresses of mail. */
import { pino } from 'pino'

type Facts = Readonly<Record<string, string | number | boolean | null | undefined>>
export interface Log {
  debug(event: string, facts?: Facts): void
  info(event: string, facts?: Facts): void
  warn(event: string, facts?: Facts): void
  /** Something broke that should not: told with the error's name and stack, which hold no content. */
  error(event: string, cause: unknown, facts?: Facts): void
}

/** A log to stdout. `level` as pino knows them; `ids`, where given, are asked for what every line bears besides. */
export function openLog(level: string, ids?: () => Readonly<Record<string, string>>): Log {
  const out = pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    ...(ids === undefined ? {} : { mixin: () => ({ ...ids() }) }),
  })
  return {
    debug: (event, facts) => out.debug(facts ?? {}, event),
    info: (event, facts) => out.info(facts ?? {}, event),
    warn: (event, facts) => out.warn(facts ?? {}, event),
    error: (event, cause, facts) => out.error({ ...facts, fault: describe(cause) }, event),
  }
}

/** Database errors quote rows and parameters in `detail` and `message`: of those only the SQLSTATE is kept. */
function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return typeof cause
  const code = 'code' in cause ? String(cause.code) : ''
  if (cause.name === 'PostgresError') return `PostgresError ${code}`
  const inner = cause.cause instanceof Error ? `; ${describe(cause.cause)}` : ''
  return `${cause.name} ${code}: ${cause.stack?.split('\n').slice(0, 6).join(' | ') ?? cause.message}${inner}`
}
