/** Whose messages this user does not take, and which of them. */
import { z } from 'zod'
import { type Reach, reaches } from '../../api/mesh-schema.ts'
import type { MeshScope } from './mesh-scope.ts'
import { settingStore } from './named-values.ts'

const stored = z.record(z.string(), z.array(reaches))

export interface Blocks {
  /** Blocked by this member (base64url of its key), in the order of `reaches`. */
  of(member: string): readonly Reach[]
  set(member: string, blocked: readonly Reach[]): void
}

const NAME = 'blocks'

export function blocksOf(scope: MeshScope): Blocks {
  const settings = settingStore(scope)
  let all = stored.parse(JSON.parse(settings.get(NAME) ?? '{}'))
  return {
    of: member => all[member] ?? [],
    set: (member, blocked) => {
      const { [member]: _, ...others } = all
      all =
        blocked.length === 0
          ? others
          : { ...others, [member]: reaches.options.filter(one => blocked.includes(one)) }
      settings.set(NAME, JSON.stringify(all))
    },
  }
}
