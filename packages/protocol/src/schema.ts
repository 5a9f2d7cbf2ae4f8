/** The zod building blocks that frames, roster entries and records are made of. */
import { z } from 'zod'
import { fromBase64url, toBase64url } from './bytes.ts'

type Bytes = Uint8Array

/** Base64url of exactly `size` bytes on the wire, a `Uint8Array` in memory. */
export const bytes = (size: number) =>
  z.codec(
    z.string().length(Math.ceil((size * 4) / 3), `base64url of ${size} bytes`),
    z.custom<Bytes>(v => v instanceof Uint8Array && v.length === size, `${size} bytes`),
    {
      decode: (text, ctx) => {
        const value = fromBase64url(text)
        if (value) return value
        ctx.issues.push({ code: 'custom', message: 'canonical base64url expected', input: text })
        return z.NEVER
      },
      encode: toBase64url,
    },
  )

/** Base64url of `min` to `max` bytes on the wire, a `Uint8Array` in memory. */
export const bytesUpTo = (max: number, min = 0) =>
  z.codec(
    z.string().max(Math.ceil((max * 4) / 3), `base64url of at most ${max} bytes`),
    z.custom<Bytes>(
      v => v instanceof Uint8Array && v.length >= min && v.length <= max,
      `${min} to ${max} bytes`,
    ),
    {
      decode: (text, ctx) => {
        const value = fromBase64url(text)
        if (value) return value
        ctx.issues.push({ code: 'custom', message: 'canonical base64url expected', input: text })
        return z.NEVER
      },
      encode: toBase64url,
    },
  )

export const key = bytes(32)
export const hash = bytes(32)
export const signature = bytes(64)
/** Milliseconds since 1970, or a length of time in ms. */
export const ms = z.int().min(0).max(8_640_000_000_000_000)
export const seq = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
/** Lower-case UUID in its 36-character form. */
export const uuid = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'lower-case UUID')
/** host or host:port, as dialled, lower case. */
export const host = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[a-z0-9.\-[\]:]+$/, 'host or host:port')

export const recipient = z.strictObject({ member: key, session: key.nullable() })
/** (member key, session key); `session: null` is the person. */
export type Recipient = z.output<typeof recipient>

export const role = z.enum(['owner', 'admin', 'member', 'viewer'])
export type Role = z.output<typeof role>
export const priority = z.enum(['now', 'next', 'low'])
export type Priority = z.output<typeof priority>
export const presenceStatus = z.enum(['idle', 'working', 'waiting', 'dnd', 'closed', 'unknown'])
export type PresenceStatus = z.output<typeof presenceStatus>
export const statusSource = z.enum([
  'sessions-file',
  'hook',
  'transcript',
  'manual',
  'process',
  'hook@broker',
  'daemon',
])
export type StatusSource = z.output<typeof statusSource>
export const lease = z.enum(['online', 'away', 'offline'])
export type Lease = z.output<typeof lease>

export const agreementBundle = z.strictObject({ x25519: key, xwing: bytes(1216) })
/** Public halves of an agreement bundle: what is sealed to it needs both keys broken. */
export type AgreementBundle = z.output<typeof agreementBundle>
