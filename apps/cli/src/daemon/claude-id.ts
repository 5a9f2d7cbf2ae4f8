/** Under which UUID Claude knows a session of this machine: its row keeps the first one for ever, Claude may go on to others. */
import type { SessionUuids } from '@claudemesh/client'
import { LIMITS } from '@claudemesh/protocol'
import type { SessionRow } from './store/session-rows.ts'

/** What `claude --resume` takes. */
export const claudeIdOf = ({ uuid, claudeId }: SessionRow): string => claudeId ?? uuid

export const uuidsOf = (row: SessionRow): SessionUuids => ({ uuid: claudeIdOf(row), former: row.former })

/** The row as it is once Claude goes on under `claudeId`, at `now` (ms since 1970). */
export const renamedRow = (row: SessionRow, claudeId: string, now: number): SessionRow => ({
  ...row,
  claudeId,
  former: [...row.former, { uuid: claudeIdOf(row), until: now }]
    .filter(({ uuid }) => uuid !== claudeId)
    .slice(-LIMITS.formerUuids),
})

/** Has it, or had it. */
export const hasUuid = (row: SessionRow, uuid: string): boolean =>
  claudeIdOf(row) === uuid || row.former.some(each => each.uuid === uuid)

/** Begins with this, by the UUID it has now or by one that it had. */
export const isCalled = (row: SessionRow, prefix: string): { now: boolean; before: boolean } => ({
  now: claudeIdOf(row).startsWith(prefix),
  before: row.former.some(({ uuid }) => uuid.startsWith(prefix)),
})

/** Name of the token file that speaks for the session. */
export const tokenNameOf = ({ uuid, tokenName }: SessionRow): string => tokenName ?? uuid
