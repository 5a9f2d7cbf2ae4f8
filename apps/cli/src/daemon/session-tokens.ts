/**
 * Which tokens of sessions open doors. A copy in the background (`/fork`, `/background`) speaks by the token of its original, also
 * after that was closed.
 */
import { existsSync } from 'node:fs'
import type { HomePaths } from '../home/index.ts'
import { tokenNameOf } from './claude-id.ts'
import type { SessionRow } from './store/session-rows.ts'
import type { Tokens } from './tokens.ts'

export class SessionTokens {
  readonly #paths: HomePaths
  readonly #tokens: Tokens
  readonly #rows: () => SessionRow[]
  /** Names of those that outlive their session. */
  readonly #kept = new Set<string>()

  /** `rows`: of every session, open or not. */
  constructor(o: { paths: HomePaths; tokens: Tokens; rows: () => SessionRow[] }) {
    this.#paths = o.paths
    this.#tokens = o.tokens
    this.#rows = o.rows
  }

  /** From now on its token speaks for it, and as a copy that of its original, too; answers the path of its own. */
  open(row: SessionRow): string {
    const { introducedBy: name } = row
    if (name !== null && !this.#rows().some(each => each.open && tokenNameOf(each) === name)) {
      const original = this.#rows().find(each => tokenNameOf(each) === name)
      this.#tokens.open(original?.uuid ?? name, name)
    }
    return this.#tokens.open(row.uuid, tokenNameOf(row))
  }

  /** Of a session that is closed now: what no open one speaks by is gone. */
  close(row: SessionRow): void {
    this.#closeUnused(tokenNameOf(row))
    if (row.introducedBy !== null) this.#closeUnused(row.introducedBy)
  }

  /** Copies of its session may begin at any moment: it stays until `drop`. */
  keep(name: string): void {
    this.#kept.add(name)
  }

  drop(name: string): void {
    this.#kept.delete(name)
    this.#closeUnused(name)
  }

  /** What an earlier life of the daemon kept: the plugin that names it is there as long as its copies may be. */
  restore(row: SessionRow): void {
    const name = tokenNameOf(row)
    if (!existsSync(this.#paths.sessionPlugin(name)) || !existsSync(this.#paths.sessionToken(name))) return
    this.keep(name)
    this.#tokens.open(row.uuid, name)
  }

  #closeUnused(name: string): void {
    const isUsed = this.#rows().some(
      row => row.open && (tokenNameOf(row) === name || row.introducedBy === name),
    )
    if (!isUsed && !this.#kept.has(name)) this.#tokens.close(name)
  }
}
