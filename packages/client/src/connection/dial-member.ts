/** Dials as a member: `hello` is signed for this very socket, broker key and host. */
import { signHello } from '@claudemesh/crypto'
import type { Address } from '../core.ts'
import type { MeshIdentity, Schedule } from '../types.ts'
import { type DialOptions, dial, type Link } from './link.ts'

export function dialMember(
  { identity, address, schedule }: { identity: MeshIdentity; address: Address; schedule: Schedule },
  webSocket: typeof WebSocket,
  heard: Pick<DialOptions, 'onFrame' | 'onData' | 'onHeard' | 'abort'>,
): Promise<Link> {
  const { mesh, member } = identity
  const { url, host } = address
  return dial({
    ...heard,
    url,
    webSocket,
    schedule,
    hello: ({ nonce, brokerKey }) => {
      const signature = signHello({ nonce, brokerKey, host, mesh, key: member })
      return { type: 'hello', as: 'member', mesh, key: member.publicKey, host, signature }
    },
  })
}
