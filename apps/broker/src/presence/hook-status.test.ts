import type { DirectoryEntry, PresenceRecord } from '@claudemesh/protocol'
import { STATUS_LIMITS } from '@claudemesh/protocol'
import { expect, test } from 'vitest'
import { withHookStatus } from './hook-status.ts'

const entry = (hookAt: number, signedAt: number | null): DirectoryEntry => ({
  certificate: {} as DirectoryEntry['certificate'],
  presence: signedAt === null ? null : ({ at: signedAt } as PresenceRecord),
  lease: 'online',
  leaseAt: 0,
  hook: { status: 'working', at: hookAt },
})
const shown = (one: DirectoryEntry, now: number) => withHookStatus(one, now, STATUS_LIMITS).hook

test.each([
  ['fresh, over an older signed one', entry(1000, 500), 31_000, { status: 'working', at: 1000 }],
  ['not fresh any more', entry(1000, 500), 31_001, null],
  ['signed since', entry(1000, 1001), 1002, null],
  ['nothing signed: it stands', entry(1000, null), 61_000, { status: 'working', at: 1000 }],
  ['nothing signed: working wears out', entry(1000, null), 61_001, { status: 'idle', at: 61_000 }],
])('%s', (_, one, now, expected) => expect(shown(one, now)).toEqual(expected))
