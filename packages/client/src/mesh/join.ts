/** Joins by an invite link: only a chain that holds the very entry the link names is believed. */
import { type Signer, signJoin } from '@claudemesh/crypto'
import { sealName } from '@claudemesh/crypto/sealing'
import { MeshError, type Role, toBase64url } from '@claudemesh/protocol'
import { nameOfMember, nameOfMesh } from '../roster/names.ts'
import type { MeshIdentity } from '../types.ts'
import { fetchChain, type Invited, type LinkRequest, openInvited } from './invited.ts'
import type { MeshSeed } from './seed.ts'

export interface InvitePreview {
  readonly mesh: Uint8Array
  readonly meshName: string
  readonly inviter: Uint8Array
  readonly inviterName: string
  readonly role: Role
  readonly expiresAt: number
  readonly host: string
  readonly url: string
}
export interface JoinRequest extends LinkRequest {
  readonly member: Signer
  readonly agreement: MeshIdentity['agreement']
  readonly memberName: string
  /** Called before the join is sent: keys and seed must be safe on disk when it resolves. */
  readonly persist?: (seed: MeshSeed) => void | Promise<void>
}

const MAX_TRIES = 8

/** What a link leads to, verified; changes nothing. Throws `usage`, `unreachable`, `not-found`, `expired`, `forbidden`, `integrity`. */
export async function previewInvite(request: LinkRequest): Promise<InvitePreview> {
  const invited = await openInvited(request)
  const { link, roster, invite, epochs, parsed, url } = invited
  link.close()
  const keyOf = (epoch: number) => epochs.find(row => row.number === epoch)?.key
  const { author, body } = invite.entry
  const inviter = roster.members.get(toBase64url(author))
  if (!inviter) throw new MeshError('forbidden', 'whoever made this invite is no member any more')
  return {
    mesh: roster.mesh,
    meshName: nameOfMesh(roster, keyOf),
    inviter: author,
    inviterName: nameOfMember(roster, keyOf, inviter),
    role: body.role,
    expiresAt: body.expiresAt,
    host: parsed.host,
    url,
  }
}

/** Appends the join, again when the roster moved meanwhile. Throws as `previewInvite`, `conflict`, or what `persist` throws. */
export async function joinByInvite(request: JoinRequest): Promise<MeshSeed> {
  const invited = await openInvited(request)
  const { link, parsed, keys, url } = invited
  try {
    let chain: Pick<Invited, 'roster' | 'entries' | 'invite' | 'epochs'> = invited
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const { roster, entries, epochs } = chain
      const seed: MeshSeed = { mesh: roster.mesh, entries, epochs, host: parsed.host, url }
      if (attempt === 0) await request.persist?.(seed)
      const entry = draftJoin(request, chain, keys.signer)
      try {
        await link.request({ type: 'roster.append', entry, copies: null }, 'appended')
        return { ...seed, entries: [...entries, entry] }
      } catch (error) {
        if (!(error instanceof MeshError) || error.code !== 'stale-head') throw error
        chain = await fetchChain(link, parsed, keys, request.now)
      }
    }
    throw new MeshError('conflict', 'the roster kept changing at the same moment; try again')
  } finally {
    link.close()
  }
}

function draftJoin(
  request: JoinRequest,
  chain: Pick<Invited, 'roster' | 'invite' | 'epochs'>,
  inviteKey: Signer,
) {
  const { roster, invite, epochs } = chain
  const { member, agreement, memberName } = request
  const epoch = roster.epoch.number
  const epochKey = epochs.find(row => row.number === epoch)!.key
  const name = sealName({
    name: memberName,
    epochKey,
    epoch,
    mesh: roster.mesh,
    author: member.publicKey,
    what: 'member',
  })
  return signJoin(
    {
      mesh: roster.mesh,
      seq: roster.seq + 1,
      prev: roster.head,
      at: Math.max(request.now(), roster.at),
      author: member.publicKey,
      kind: 'join',
      body: { invite: invite.hash, bundle: agreement.bundle, name },
    },
    member,
    inviteKey,
  )
}
