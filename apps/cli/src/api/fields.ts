/** What many shapes of the local API are made of. Keys, hashes and ids are base64url or UUID strings here; it never carries a secret key. */
import { z } from 'zod'

export const keyText = z.string().length(43)
export const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'lower-case UUID')
export const ms = z.int().min(0)
/** Mesh by name or id prefix; absent = the only one joined. */
export const mesh = z.string().min(1).max(64).optional()
export const name = z.string().trim().min(1).max(64)
/** What a shown name is worth: see daemon/verification.ts. */
export const standing = {
  /** A person confirmed the key behind this name, or it is one's own. */
  verified: z.boolean(),
  /** A person confirmed another key by this name: it may be somebody else who took it. */
  nameTaken: z.boolean(),
  /** A person confirmed this key when it bore another name, this one; `verified` is false then. */
  verifiedAs: z.string().nullable(),
}
export const keyStanding = z.object(standing)

export const deliverMode = z.enum(['push', 'inbox', 'off'])
export const sessionStatus = z.enum(['idle', 'working', 'waiting', 'dnd', 'closed', 'unknown'])
