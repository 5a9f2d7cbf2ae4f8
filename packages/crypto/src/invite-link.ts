/** Invite links: what reaches the broker stands before the `#`, what only the joiner may know behind it. */
import {
  concatBytes,
  fromBase64url,
  host as hostSchema,
  MeshError,
  parseAs,
  toBase64url,
} from '@claudemesh/protocol'

export interface InviteLink {
  /** host or host:port, lower case. */
  readonly host: string
  /** https and wss, or plain http and ws. */
  readonly secure: boolean
  /** 16 bytes: the name by which the broker finds the mesh. */
  readonly code: Uint8Array
  /** 32 bytes: the keys of the invite come from it (`deriveInviteKeys`). */
  readonly secret: Uint8Array
  /** Hash of the `invite` entry, 32 bytes: fixes mesh, inviter, role and all before it. */
  readonly entryHash: Uint8Array
}

const LINK = /^(https?):\/\/([^/?#@\s]+)\/i\/([A-Za-z0-9_-]{22})#([A-Za-z0-9_-]{86})$/

/** `https://<host>/i/<code>#<base64url(secret ‖ entryHash)>`; `http` where the broker speaks no TLS. */
export function formatInviteLink(link: InviteLink): string {
  const fragment = toBase64url(concatBytes(link.secret, link.entryHash))
  return `http${link.secure ? 's' : ''}://${link.host}/i/${toBase64url(link.code)}#${fragment}`
}

/**
 * Reads a link; blanks around it are forgiven.
 * @throws MeshError `usage` (field `link`) for anything else; the message never repeats the link, it holds a secret.
 */
export function parseInviteLink(text: string): InviteLink {
  const [, scheme, dialled, codeText, fragmentText] = LINK.exec(text.trim()) ?? []
  const host = parseAs(hostSchema, dialled?.toLowerCase())
  const code = fromBase64url(codeText ?? '')
  const fragment = fromBase64url(fragmentText ?? '')
  if (!host.success || !code?.length || !fragment?.length) {
    throw new MeshError(
      'usage',
      'this is no invite link: https://<broker>/i/<code>#<secret> is expected, uncut',
      {
        field: 'link',
      },
    )
  }
  return {
    host: host.data,
    secure: scheme === 'https',
    code,
    secret: fragment.slice(0, 32),
    entryHash: fragment.slice(32),
  }
}
