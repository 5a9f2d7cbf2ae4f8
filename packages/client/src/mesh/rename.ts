/** New names, sealed under the present epoch key: one's own, and, for an owner, that of the mesh. */
import { sealName } from '@claudemesh/crypto/sealing'
import { MeshError } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { appendEntry, requireRight, signedDraft } from '../roster/append.ts'

/** Renames this member, or the mesh. `name`: 1 to 64 characters. Throws `forbidden`, `bad-field`, or what the broker answers. */
export async function rename(core: Core, link: Link, what: 'member' | 'mesh', name: string): Promise<void> {
  const { keeper, identity } = core
  const kind = what === 'mesh' ? 'mesh-rename' : 'rename'
  await appendEntry(link, keeper, () => {
    requireRight(core, kind)
    const { mesh } = identity
    const epoch = keeper.roster.epoch.number
    const epochKey = keeper.epochs.get(epoch)
    if (!epochKey) throw new MeshError('integrity', 'the key of the present epoch never came here')
    const sealed = sealName({ name, epochKey, epoch, mesh, author: identity.member.publicKey, what })
    return signedDraft(core, kind, { name: sealed })
  })
}
