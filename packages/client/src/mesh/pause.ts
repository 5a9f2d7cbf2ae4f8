/** Holds all delivery in the mesh, everywhere, or lets it go on: a roster entry, which the broker can neither make nor hide. */
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { appendEntry, requireRight, signedDraft } from '../roster/append.ts'

/** True if it was written; false where it is so already. Throws `forbidden`, or what the broker answers. */
export async function pauseMesh(core: Core, link: Link, paused: boolean): Promise<boolean> {
  const { keeper } = core
  const written = await appendEntry(link, keeper, () => {
    requireRight(core, 'pause')
    return (keeper.roster.pause !== null) === paused
      ? null
      : signedDraft(core, 'pause', { delivery: paused ? 'held' : 'open' })
  })
  return written !== null
}
