/** The local API on its unix socket: 0600 in a 0700 folder, and even there nobody gets in without a token. */
import { chmodSync, rmSync } from 'node:fs'
import { MeshError } from '@claudemesh/protocol/errors'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { CLAUDE_SESSION_HEADER } from '../api/client.ts'
import type { Daemon } from './daemon.ts'
import { copyThatCalls } from './follow-claude.ts'
import { type Call, type Env, errorAnswer } from './http.ts'
import { auditRoutes } from './routes/audit-routes.ts'
import { daemonRoutes } from './routes/daemon-routes.ts'
import { hookRoutes } from './routes/hook-routes.ts'
import { inboxRoute } from './routes/inbox-route.ts'
import { limitRoutes } from './routes/limit-routes.ts'
import { memberRoutes } from './routes/member-routes.ts'
import { meshRoutes } from './routes/mesh-routes.ts'
import { messageRoutes } from './routes/message-routes.ts'
import { peerRoutes } from './routes/peer-routes.ts'
import { sessionRoutes } from './routes/session-routes.ts'
import { verifyRoutes } from './routes/verify-routes.ts'

const MAX_BODY = 1 << 20
const LAST_WORDS_MS = 300
/** A web page that found a way to the socket (a forwarded port, a rebound name) names another host, or its origin. */
const HOSTS = /^(?:localhost|claudemesh)(?::\d{1,5})?$/

function localApi(daemon: Daemon): Hono<Env> {
  const app = new Hono<Env>()
  app.use(async (call, next) => {
    if (!HOSTS.test(call.req.header('host') ?? '') || call.req.header('origin') !== undefined)
      throw new MeshError('forbidden', 'Only programs of this machine may call, not web pages.')
    const caller = daemon.tokens.callerOf(call.req.header('authorization'))
    call.set('caller', copyThatCalls(daemon.sessions, caller, call.req.header(CLAUDE_SESSION_HEADER)))
    await next()
    call.header('cache-control', 'no-store')
  })
  app.use(
    bodyLimit({
      maxSize: MAX_BODY,
      onError: () => {
        throw new MeshError('too-large', `A body holds at most ${MAX_BODY} bytes.`)
      },
    }),
  )
  for (const routes of [
    daemonRoutes(daemon),
    meshRoutes(daemon),
    memberRoutes(daemon),
    verifyRoutes(daemon),
    sessionRoutes(daemon),
    peerRoutes(daemon),
    messageRoutes(daemon),
    limitRoutes(daemon),
    inboxRoute(daemon),
    auditRoutes(daemon),
    hookRoutes(daemon),
  ])
    app.route('/', routes)
  app.notFound(call =>
    errorAnswer(call as Call, new MeshError('not-found', 'There is no such route.'), daemon.log),
  )
  app.onError((error, call) => errorAnswer(call, error, daemon.log))
  return app
}

/** Listens; what a killed daemon left at the path is taken away first (the lock says that nobody serves it). */
export function serve(daemon: Daemon): { stop(): Promise<void> } {
  const { socket } = daemon.paths
  const app = localApi(daemon)
  rmSync(socket, { force: true })
  const options: Bun.Serve.Options<undefined> = {
    unix: socket,
    maxRequestBodySize: 2 * MAX_BODY,
    fetch: request => app.fetch(request),
  }
  // Bun's types know it for ports alone; without it an answer that takes over 10 s is cut off on a unix socket too.
  const server = Bun.serve(Object.assign(options, { idleTimeout: 0 }))
  chmodSync(socket, 0o600)
  return {
    stop: async () => {
      // What is being answered is answered; a caller that keeps its connection is not waited for.
      await Promise.race([server.stop(), Bun.sleep(LAST_WORDS_MS)])
      await server.stop(true)
      rmSync(socket, { force: true })
    },
  }
}
