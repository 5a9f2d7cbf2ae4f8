/**
 * Takes the http hooks of one session on a loopback port and hands them to the daemon. It lives in `launch`, which lives as long as
 * the client does (and in keep-relay.ts where copies of the session outlive that): nobody else can take the port while hooks go there,
 * and a daemon that is away, stopped or slow is not felt. Without `node:crypto`, which takes 14 ms of CPU to load.
 */
import { forwardHook, PATIENCE_MS, type Payload, SLOW_MS } from './forward-hook.ts'

export interface HookRelay {
  readonly port: number
  /** `http://127.0.0.1:<port>/hook`. */
  readonly url: string
  /** 32 bytes in base64url: without it nobody is heard. Opens nothing but this relay and ends with it. */
  readonly token: string
  stop(): Promise<void>
}

/** What the daemon is told late is told all the same, this long, ms: `what is proven` hangs on it. */
const LATE_MS = 30_000
/** Hooks under way to a daemon that does not answer; one more is not told. */
const MOST_UNDER_WAY = 64
/** What a hook says that has nothing to say. */
const NOTHING = '{}'

/**
 * Starts it on a free port of 127.0.0.1, for the session whose token stands in `tokenFile`. `from`: takes the place of a relay that
 * still runs, by its port and token. Throws where another user's program has the port.
 */
export function openHookRelay(o: {
  home: string
  tokenFile: string
  now?: () => number
  from?: Pick<HookRelay, 'port' | 'token'>
}): HookRelay {
  const now = o.now ?? performance.now.bind(performance)
  const token =
    o.from?.token ??
    crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: 'base64url', omitPadding: true })
  const expected = hashOf(`Bearer ${token}`)
  let underWay = 0
  let slowUntil = Number.NEGATIVE_INFINITY

  async function tell(payload: Payload): Promise<string> {
    underWay++
    try {
      const signal = AbortSignal.timeout(LATE_MS)
      const output = await forwardHook(payload, { home: o.home, tokenFile: o.tokenFile, signal })
      slowUntil = Number.NEGATIVE_INFINITY
      return output === '' ? NOTHING : output
    } catch {
      // A daemon that is away loses nothing: its messages wait, and the transcript proves what was read.
      return NOTHING
    } finally {
      underWay--
    }
  }

  async function answer(payload: Payload): Promise<string> {
    if (underWay >= MOST_UNDER_WAY) return NOTHING
    const told = tell(payload)
    if (now() < slowUntil) return NOTHING
    const { promise: late, resolve } = Promise.withResolvers<string>()
    const timer = setTimeout(() => {
      slowUntil = now() + SLOW_MS
      resolve(NOTHING)
    }, PATIENCE_MS)
    return Promise.race([told, late]).finally(() => clearTimeout(timer))
  }

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: o.from?.port ?? 0,
    // Only programs of the same user may share it, and only what says so too (SO_REUSEPORT, socket(7)).
    reusePort: true,
    async fetch(request) {
      const given = hashOf(request.headers.get('authorization') ?? '')
      if (!crypto.timingSafeEqual(given, expected)) return new Response(null, { status: 401 })
      const payload = await request.json().catch(() => null)
      const output = payload !== null && typeof payload === 'object' ? await answer(payload) : NOTHING
      return new Response(output, { headers: { 'content-type': 'application/json' } })
    },
  })
  const port = server.port!
  return { port, url: `http://127.0.0.1:${port}/hook`, token, stop: () => server.stop(true) }
}

const hashOf = (text: string): Uint8Array => new Bun.CryptoHasher('sha256').update(text).digest()
