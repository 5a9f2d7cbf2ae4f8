/** Where a request comes from: its address for limits, and whether it is this very machine. */
import type { Server } from 'bun'
import type { Settings } from '../settings.ts'

/** `local`: a loopback address and no sign of a proxy, whose clients would all look local. */
export function peerOf(
  request: Request,
  server: Pick<Server<unknown>, 'requestIP'>,
  trust: Settings['TRUST_PROXY'],
): { address: string; local: boolean } {
  const direct = server.requestIP(request)?.address ?? ''
  const { headers } = request
  const behindProxy = SIGNS.some(name => headers.has(name))
  return {
    address: told(headers, trust)?.slice(0, 64) || direct,
    local: !behindProxy && isLoopback(direct),
  }
}

const FORWARDED_FOR = 'X-Forwarded-For'
/** Fly.io's proxy ends `X-Forwarded-For` with an address of the app itself, the same for everybody. */
const FLY = 'Fly-Client-IP'
const SIGNS = [FORWARDED_FOR, 'Forwarded', FLY]

/** The address that the trusted proxy says it was dialled from. */
function told(headers: Headers, trust: Settings['TRUST_PROXY']): string | undefined {
  if (trust === 'yes') return headers.get(FORWARDED_FOR)?.split(',').at(-1)?.trim()
  return trust === 'fly' ? headers.get(FLY)?.trim() : undefined
}

const isLoopback = (address: string): boolean => address === '::1' || /^(::ffff:)?127\./.test(address)
