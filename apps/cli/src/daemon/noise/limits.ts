/** How much of others this user's sessions take: the limits of one mesh, as set by `claudemesh limits`. */
import { MeshError } from '@claudemesh/protocol/errors'
import {
  type NoiseLimits,
  type SetNoiseLimits,
  setNoiseLimits,
  USUAL_LIMITS,
} from '../../api/noise-schema.ts'
import type { MeshScope } from '../store/mesh-scope.ts'
import { settingStore } from '../store/named-values.ts'

export interface Limits {
  readonly now: NoiseLimits
  /** Keeps what is not named. Throws `usage` where one member could have more of an inbox than there is. */
  set(change: SetNoiseLimits): void
}

const NAME = 'limits'

export function limitsOf(scope: MeshScope): Limits {
  const settings = settingStore(scope)
  let changed = setNoiseLimits.parse(JSON.parse(settings.get(NAME) ?? '{}'))
  return {
    get now() {
      return { ...USUAL_LIMITS, ...definedOf(changed) }
    },
    set: change => {
      const next = { ...changed, ...definedOf(change) }
      const { inbox, inboxMember } = { ...USUAL_LIMITS, ...definedOf(next) }
      if (inboxMember > inbox)
        throw new MeshError('usage', 'One member cannot have more of an inbox than it holds in all.', {
          field: 'inboxMember',
        })
      settings.set(NAME, JSON.stringify(next))
      changed = next
    },
  }
}

const definedOf = (limits: SetNoiseLimits): Partial<NoiseLimits> =>
  Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
