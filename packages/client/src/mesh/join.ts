/** Joins by an invite link: only a chain that holds the very entry the link names is believed. */
import { applyEntry, type Signer, signJoin } from '@claudemesh/crypto'
import { sealName } from '@claudemesh/crypto/sealing'
import { MeshError, type Role, toBase64url } from '@claudemesh/protocol'
import { byTimeout } from '../connection/schedule.ts'
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
/** Who joins. */
export interface JoinAs {
  readonly member: Signer
  readonly agreement: MeshIdentity['agreement']
  readonly memberName: string
  /** Called before the join is sent: keys and seed must be safe on disk when it resolves. */
  readonly persist?: (seed: MeshSeed) => void | Promise<void>
}
/** An invite whose chain was fetched and verified; its connection is the caller's to close. */
export interface OpenInvite {
  readonly preview: InvitePreview
  /** Appends the join, again when the roster moved meanwhile. Throws `conflict`, what the broker answers, or what `persist` throws. */
  join(as: JoinAs): Promise<MeshSeed>
  close(): void
}

const MAX_TRIES = 24
/** Who lost a race waits up to this long, twice as long after each, so that a crowd comes in one after the other. */
const FIRST_WAIT_MS = 25
const LONGEST_WAIT_MS = 1_000

/** Throws `usage`, `unreachable`, `not-found`, `expired`, `forbidden`, `integrity`. */
export async function openInvite(request: LinkRequest): Promise<OpenInvite> {
  const invited = await openInvited(request)
  const close = () => invited.link.close()
  try {
    return { preview: previewOf(invited), join: as => join(invited, request.now, as), close }
  } catch (error) {
    close()
    throw error
  }
}

/** What a link leads to, verified; changes nothing. Throws as `openInvite`. */
export async function previewInvite(request: LinkRequest): Promise<InvitePreview> {
  const { preview, close } = await openInvite(request)
  close()
  return preview
}

/** Joins at once. Throws as `openInvite` and its `join`. */
export async function joinByInvite(request: LinkRequest & JoinAs): Promise<MeshSeed> {
  const invite = await openInvite(request)
  try {
    return await invite.join(request)
  } finally {
    invite.close()
  }
}

function previewOf({ roster, invite, epochs, parsed, url }: Invited): InvitePreview {
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

async function join(invited: Invited, now: () => number, as: JoinAs): Promise<MeshSeed> {
  const { link, parsed, keys, url } = invited
  let chain: Pick<Invited, 'roster' | 'entries' | 'invite' | 'epochs'> = invited
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const { roster, entries, epochs } = chain
    const seed: MeshSeed = { mesh: roster.mesh, entries, epochs, host: parsed.host, url, roster }
    if (attempt === 0) await as.persist?.(seed)
    const entry = draftJoin(as, now(), chain, keys.signer)
    try {
      await link.request({ type: 'roster.append', entry, copies: null }, 'appended')
      applyEntry(roster, entry)
      return { ...seed, entries: [...entries, entry] }
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'stale-head') throw error
      await pause(Math.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt))
      chain = await fetchChain(link, parsed, keys, now)
    }
  }
  throw new MeshError('conflict', 'the roster kept changing at the same moment; try again')
}

const pause = (ms: number) => new Promise<void>(resolve => byTimeout(ms, resolve))

function draftJoin(
  { member, agreement, memberName }: JoinAs,
  now: number,
  chain: Pick<Invited, 'roster' | 'invite' | 'epochs'>,
  inviteKey: Signer,
) {
  const { roster, invite, epochs } = chain
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
      at: Math.max(now, roster.at),
      author: member.publicKey,
      kind: 'join',
      body: { invite: invite.hash, bundle: agreement.bundle, name },
    },
    member,
    inviteKey,
  )
}
