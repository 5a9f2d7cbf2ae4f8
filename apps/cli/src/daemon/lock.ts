/**
 * One daemon a home. The lock is a row (pid, identity of the process) in a small SQLite file: looking and taking are one
 * transaction, so of many that start at once exactly one wins; a holder that died or whose pid is another's now is no obstacle.
 */
import { MeshError } from '@claudemesh/protocol/errors'
import { openPrivateDatabase } from './private-database.ts'
import { isAlive, processIdentity } from './process-identity.ts'

export interface Lock {
  readonly pid: number
  readonly identity: string
  release(): void
}

/** Throws `already-running` with `facts.pid` while another living process holds it, `integrity` for a file that is no lock. */
export function takeLock(path: string): Lock {
  const pid = process.pid
  const identity = processIdentity(pid)
  if (identity === undefined) throw new MeshError('internal', 'the start time of this process cannot be read')
  const database = openPrivateDatabase(path)
  try {
    database
      .transaction(() => {
        database.run(
          'CREATE TABLE IF NOT EXISTS holder (one INTEGER PRIMARY KEY CHECK (one = 1), pid, identity)',
        )
        const holder = database
          .query<{ pid: number; identity: string }, []>('SELECT pid, identity FROM holder')
          .get()
        if (holder && isAlive(holder.pid, holder.identity)) throw alreadyRunning(holder.pid)
        database.run('REPLACE INTO holder VALUES (1, ?, ?)', [pid, identity])
      })
      .immediate()
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    throw new MeshError(
      'integrity',
      `${path} is damaged. Remove it: it holds nothing but the number of a process.`,
      {
        cause,
      },
    )
  } finally {
    database.close()
  }
  return { pid, identity, release: () => release(path, pid, identity) }
}

function release(path: string, pid: number, identity: string): void {
  const database = openPrivateDatabase(path)
  try {
    database.run('DELETE FROM holder WHERE pid = ? AND identity = ?', [pid, identity])
  } finally {
    database.close()
  }
}

const alreadyRunning = (pid: number) =>
  new MeshError('already-running', `A daemon of this home is already running (pid ${pid}).`, {
    facts: { pid },
  })
