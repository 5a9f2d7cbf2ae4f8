/** What of others' messages a mesh's mailboxes here do not take at all; its sender is told the word, signed. */
import type { ClientStore, Refuses } from '@claudemesh/client'
import type { Blocks } from '../store/blocks.ts'
import type { Limits } from './limits.ts'
import { roomIn } from './room.ts'

/** `blocked` by the user, more `hops` than agents may pass it on without a person, or the mailbox is `full`. */
export function refusalsOf(store: Pick<ClientStore, 'inbox'>, blocks: Blocks, limits: Limits): Refuses {
  const room = roomIn(store.inbox)
  return ({ uuid, member, several, hops }) => {
    if (blocks.of(member).includes(several ? 'broadcast' : 'dm')) return 'blocked'
    if (hops > limits.now.hops) return 'hops'
    return room.take(uuid ?? '', member, limits.now) ? null : 'full'
  }
}
