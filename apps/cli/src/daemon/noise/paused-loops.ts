/** Conversations of a mesh that were found to be loops and are held until a person speaks; they outlive the daemon. */
import { uuid } from '@claudemesh/protocol'
import { z } from 'zod'
import type { MeshScope } from '../store/mesh-scope.ts'
import { settingStore } from '../store/named-values.ts'
import type { Conversation } from './loops.ts'

const stored = z.array(
  z.object({ uuid, peer: z.string(), threadId: uuid.nullable(), with: z.string(), at: z.int() }),
)
/** `with`: the peer's name when it was found, for people. */
type PausedLoop = z.output<typeof stored>[number]

const NAME = 'loops'
/** Beyond it the oldest goes on. */
const MOST = 64

export interface PausedLoops {
  all(): readonly PausedLoop[]
  has(where: Conversation): boolean
  add(loop: PausedLoop): void
  /** Those of this session, or all; true if there were any. */
  release(uuid?: string): boolean
}

export function pausedLoopsOf(scope: MeshScope): PausedLoops {
  const settings = settingStore(scope)
  let all = stored.parse(JSON.parse(settings.get(NAME) ?? '[]'))
  const put = (next: PausedLoop[]): void => {
    settings.set(NAME, JSON.stringify(next))
    all = next
  }
  return {
    all: () => all,
    has: where => all.some(loop => isOf(loop, where)),
    add: loop => put([...all.filter(one => !isOf(one, loop)), loop].slice(-MOST)),
    release: session => {
      const kept = session === undefined ? [] : all.filter(loop => loop.uuid !== session)
      const any = kept.length < all.length
      if (any) put(kept)
      return any
    },
  }
}

const isOf = (loop: PausedLoop, { uuid: session, peer, threadId }: Conversation): boolean =>
  loop.uuid === session && loop.peer === peer && loop.threadId === threadId
