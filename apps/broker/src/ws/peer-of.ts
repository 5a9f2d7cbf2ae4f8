/** Where a request comes from: its address for limits, and whether it is this very machine. */
import type { Server } from 'bun'

/** `local`: a loopback address and no sign of a proxy, whose clients would all look local. */
export function peerOf(
  request: Request,
  server: Pick<Server<unknown>, 'requestIP'>,
  trustProxy: boolean,
): { address: string; local: boolean } {
  const direct = server.requestIP(request)?.address ?? ''
  const forwarded = request.headers.get('X-Forwarded-For')
  const behindProxy = forwarded !== null || request.headers.has('Forwarded')
  const last = forwarded?.split(',').at(-1)?.trim()
  return {
    address: trustProxy && last ? last.slice(0, 64) : direct,
    local: !behindProxy && isLoopback(direct),
  }
}

const isLoopback = (address: string): boolean => address === '::1' || /^(::ffff:)?127\./.test(address)
