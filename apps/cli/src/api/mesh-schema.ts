/** Of the daemon's local API: meshes, who is in them, and how somebody gets in. */
import { z } from 'zod'
import { keyStanding, keyText, mesh, ms, name, standing } from './fields.ts'

export const createMesh = z.strictObject({
  name,
  broker: z.url(),
  memberName: name.optional(),
  token: z.string().max(256).optional(),
})
/** A new name, of oneself or of a mesh. */
export const renameRequest = z.strictObject({ name })
/** Another address of the mesh's broker, like `https://mesh.example.org`. */
export const moveBroker = z.strictObject({ broker: z.url() })
/** Holds all delivery in the mesh, or lets it go on. */
export const pauseMesh = z.strictObject({ paused: z.boolean() })
export const setRole = z.strictObject({ role: z.enum(['owner', 'admin', 'member', 'viewer']) })
/** `changed`: the role was another before. */
export const setRoleReply = z.object({
  member: keyText,
  name: z.string(),
  role: z.string(),
  changed: z.boolean(),
})
export const createInvite = z.strictObject({
  mesh,
  role: z.enum(['admin', 'member', 'viewer']).default('member'),
  uses: z.int().min(1).max(1000).default(1),
  expiresMs: z
    .int()
    .min(1000)
    .max(30 * 86_400_000)
    .default(86_400_000),
})
/** `id` is base64url of the invite entry's hash; `link` is shown only when it is made. */
export const inviteReply = z.object({ link: z.string(), id: keyText, expiresAt: ms, uses: z.int() })
export const inviteList = z.array(
  z.object({
    id: keyText,
    mesh: z.string(),
    role: z.string(),
    expiresAt: ms,
    uses: z.int(),
    used: z.int(),
    by: z.string(),
    byKey: keyStanding,
    state: z.enum(['open', 'used', 'expired', 'revoked', 'void']),
  }),
)
export const joinRequest = z.strictObject({ link: z.string().min(20).max(2048), name: name.optional() })
export const joinPreview = z.object({
  mesh: z.string(),
  meshId: keyText,
  inviter: z.string(),
  role: z.string(),
  expiresAt: ms,
  broker: z.string(),
})
export const memberList = z.array(
  z.object({
    mesh: z.string(),
    name: z.string(),
    member: keyText,
    role: z.string(),
    joinedAt: ms,
    self: z.boolean(),
    ...standing,
  }),
)
export const joinReply = z.object({
  mesh: z.string(),
  member: keyText,
  role: z.string(),
  /** Everybody in it. */
  members: memberList,
})

/** The safety number of oneself and a peer, and whether it was confirmed. */
export const verifyReply = z.object({
  mesh: z.string(),
  name: z.string(),
  member: keyText,
  /** 12 groups of 5. */
  digits: z.array(z.string()),
  /** 15, of the BIP39 list. */
  words: z.array(z.string()),
  ...standing,
  confirmedAt: ms.nullable(),
})

/** How a message came: to this recipient alone, or to several at once. */
export const reaches = z.enum(['dm', 'broadcast'])
export type Reach = z.output<typeof reaches>
const reachList = z.array(reaches).max(reaches.options.length)
export const setBlock = z.strictObject({ block: reachList.default([]), grant: reachList.default([]) })
export const blockReply = z.object({ name: z.string(), member: keyText, blocked: reachList })
