/** Who calls: the user, or one session. A session's token opens nothing but that session's own doors. */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { MeshError } from '@claudemesh/protocol/errors'
import { type HomePaths, openToken, openUserToken } from '../home/index.ts'

export type Caller = { readonly kind: 'user' } | SessionCaller
export interface SessionCaller {
  readonly kind: 'session'
  /** Of the session's row. */
  readonly uuid: string
  readonly tokenName: string
}

/** Looked up by hash, so that no comparison tells how much of a guess was right. */
const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64')

export class Tokens {
  readonly #paths: HomePaths
  readonly #callers = new Map<string, Caller>()

  /** Makes the user's token where there is none. */
  constructor(paths: HomePaths) {
    this.#paths = paths
    this.#callers.set(hashOf(openUserToken(paths)), { kind: 'user' })
  }

  /** From now on the token of this name speaks for the session, and for no other; answers the path of its file. */
  open(uuid: string, tokenName: string): string {
    const path = this.#paths.sessionToken(tokenName)
    this.#callers.set(hashOf(openToken(path)), { kind: 'session', uuid, tokenName })
    return path
  }

  /** The token of this name opens nothing any more, and its file is gone. */
  close(tokenName: string): void {
    for (const [hash, caller] of this.#callers)
      if (caller.kind === 'session' && caller.tokenName === tokenName) this.#callers.delete(hash)
    rmSync(this.#paths.sessionToken(tokenName), { force: true })
  }

  /** From the `Authorization` header. Throws `unauthenticated`. */
  callerOf(authorization: string | undefined): Caller {
    const [, token] = /^Bearer ([A-Za-z0-9_-]{43})$/.exec(authorization ?? '') ?? []
    const caller = token === undefined ? undefined : this.#callers.get(hashOf(token))
    if (!caller)
      throw new MeshError('unauthenticated', 'A valid token is needed: it stands in a file of the home.')
    return caller
  }
}
