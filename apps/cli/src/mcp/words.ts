/** What the tools answer the model: never more than what is known, and peers' own words only neutralised. */
import type { Peer, SendReply, SendState } from '../api/schema.ts'
import { neutralise, neutraliseName } from '../delivery/neutralise.ts'

/** "Sent" appears nowhere: each state says where the message is and where it is not yet. */
const STATES: Record<SendState, string> = {
  pending: 'NOT with the broker yet; it waits in the outbox of this machine and goes out by itself',
  accepted: 'accepted: stored at the broker, not yet on the recipient’s machine',
  delivered: 'delivered: on the recipient’s machine, not yet before the model',
  surfaced: 'surfaced: stood in the recipient’s context',
  answered: 'answered',
  held: 'held on the recipient’s machine: it will be shown later',
  refused: 'REFUSED by the recipient',
  expired: 'EXPIRED before it arrived',
  removed: 'FAILED: the recipient is no member any more',
  unknown: 'FAILED: the broker knows no such recipient',
  undecryptable: 'FAILED: the recipient could not open it',
  failed: 'FAILED',
}

/** One line a recipient, and the id that names the message from now on. */
export function wordSend(reply: SendReply): string {
  const lines = reply.recipients.map(({ to, state, why, ...standing }) => {
    const reason = why === null ? '' : ` (${neutraliseName(why)})`
    return `${neutraliseName(to)} (${keyWords(standing)}): ${STATES[state]}${reason}`
  })
  const since = reply.unconfirmedSince
  const doubt = since === null ? [] : [`No other member was heard of since ${new Date(since).toISOString()}.`]
  return [`message ${reply.id}`, ...lines, ...doubt].join('\n')
}

/** Nobody will ever get it. */
export const isLost = (reply: SendReply): boolean =>
  reply.recipients.every(({ state }) =>
    ['refused', 'expired', 'removed', 'unknown', 'undecryptable', 'failed'].includes(state),
  )

/** One line a peer, this session left out; at most `PEERS_SHOWN`. */
export function wordPeers(peers: readonly Peer[]): string {
  const others = peers.filter(peer => !peer.self)
  if (others.length === 0) return 'No other sessions or people are in the mesh yet.'
  const lines = others.slice(0, PEERS_SHOWN).map(peer => {
    const facts = [
      peer.online ? peer.status : `${peer.lease}; a message waits for it`,
      peer.role === '' ? '' : `role ${neutraliseName(peer.role)}`,
      peer.groups.length === 0 ? '' : peer.groups.map(group => `@${neutraliseName(group)}`).join(' '),
      peer.directory === '' ? '' : `in ${neutraliseName(peer.directory)}`,
      keyWords(peer),
      peer.summary === '' ? '' : `says: "${quoted(peer.summary)}"`,
    ]
    return `${neutraliseName(peer.name)}: ${facts.filter(fact => fact !== '').join(', ')}`
  })
  const more = others.length - lines.length
  return [...lines, ...(more > 0 ? [`… and ${more} more`] : [])].join('\n')
}

/** What the user knows of the key behind a name. */
const keyWords = ({
  verified,
  nameTaken,
  verifiedAs,
}: Pick<Peer, 'verified' | 'nameTaken' | 'verifiedAs'>): string => {
  if (nameTaken) return 'NOT the key your user verified by this name: perhaps an impostor'
  if (verifiedAs !== null) return `key verified under another name, "${neutraliseName(verifiedAs)}"`
  return verified ? 'key verified' : 'key not verified'
}

/** Words of a peer on one line, without the quote that ends them. */
const quoted = (text: string): string =>
  neutralise(text)
    .replace(/\s+/g, ' ')
    .replace(/["“”„‟]/g, '’')

const PEERS_SHOWN = 100
