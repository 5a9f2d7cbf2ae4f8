/** What is signed, or leads to what is: roster chains, invite links, signed heads, exported logs. */
import {
  formatInviteLink,
  openCheckpoint,
  parseInviteLink,
  replayRoster,
  rosterEntryHash,
} from '@claudemesh/crypto'
import { fromBase64url, MeshError, parseAs, rosterEntry } from '@claudemesh/protocol'
import { itemOf, verifyLog } from 'claudemesh'
import { z } from 'zod'
import type { Target } from '../target.ts'

const utf8 = new TextDecoder()
const prepared = async () => {
  return async () => {}
}

/** A chain of entries as a new member gets it, of whatever mesh its first one founds. */
export const rosters: Target = {
  name: 'roster',
  form: 'json',
  weight: 0.02,
  start: prepared,
  read(input) {
    const chain = parseAs(z.array(z.unknown()), json(input))
    if (!chain.success) throw refused('chain')
    const entries = chain.data.map((wire, seq) => {
      const entry = parseAs(rosterEntry, wire)
      if (!entry.success) throw refused(`${seq} ${entry.error.issues[0]?.path.join('.')}`)
      return entry.data
    })
    const [genesis] = entries
    if (!genesis) throw refused('genesis')
    const roster = replayRoster(entries, { mesh: rosterEntryHash(genesis) })
    return `${roster.seq} entries, ${roster.members.size} members`
  },
}

/** An invite link, as somebody pasted it: what is read is written the same way. */
export const inviteLinks: Target = {
  name: 'invite-link',
  form: 'text',
  read(input) {
    const text = utf8.decode(input)
    const link = parseInviteLink(text)
    const written = formatInviteLink(link)
    if (formatInviteLink(parseInviteLink(written)) !== written) throw new Error('it has two meanings')
    return `${link.secure} ${/[^a-z0-9.:]/.exec(link.host)?.[0] ?? ''}`
  },
}

/** A signed head of the audit log. */
export const checkpoints: Target = {
  name: 'checkpoint',
  form: 'text',
  weight: 0.2,
  start: prepared,
  read(input) {
    const note = utf8.decode(input)
    // The corpus's first line names the mesh, its second the key: a broker's word for neither is taken.
    const [mesh, key, ...rest] = note.split('\n')
    const [id, broker] = [fromBase64url(mesh ?? ''), fromBase64url(key ?? '')]
    if (id?.length !== 32 || broker?.length !== 32) throw refused('mesh')
    const { size } = openCheckpoint(rest.join('\n'), { mesh: id, keys: [broker] })
    return `signed over ${size}`
  },
}

/** A log that somebody exported, line by line. */
export const auditExports: Target = {
  name: 'audit-export',
  form: 'text',
  weight: 0.02,
  start: prepared,
  async read(input) {
    const lines = utf8.decode(input).split('\n')
    async function* items() {
      for (const [i, line] of lines.entries()) if (line !== '') yield itemOf(line, i + 1)
    }
    const { leaves } = await verifyLog(items())
    return `a log of ${leaves}`
  },
}

/** One line of such a log. */
export const auditLines: Target = {
  name: 'audit-line',
  form: 'json',
  read: input => Object.keys(itemOf(utf8.decode(input), 1)).join(),
}

function json(input: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(input))
  } catch {
    throw refused('json')
  }
}

const refused = (field: string) => new MeshError('bad-field', 'refused', { field })
