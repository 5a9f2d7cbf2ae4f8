/** A short connection under an invite key: the chain it shows is believed only if it holds the very entry the link names. */
import {
  type InviteLink,
  PagedReplay,
  parseInviteLink,
  type Roster,
  type RosterInvite,
  requireOpenInvite,
  rosterEntryHash,
  signHello,
} from '@claudemesh/crypto'
import { deriveInviteKeys, openEpochKey } from '@claudemesh/crypto/sealing'
import { equalBytes, MeshError, type RosterEntry, toBase64url } from '@claudemesh/protocol'
import { dial, type Link } from '../connection/link.ts'
import { byTimeout } from '../connection/schedule.ts'
import { predecessors } from '../roster/epoch-keys.ts'
import type { EpochRow } from '../store.ts'
import type { Schedule } from '../types.ts'

export interface LinkRequest {
  readonly link: string
  readonly now: () => number
  readonly webSocket?: typeof WebSocket
  /** Default: `setTimeout`. */
  readonly schedule?: Schedule
}
export interface Invited {
  readonly link: Link
  readonly parsed: InviteLink
  readonly keys: ReturnType<typeof deriveInviteKeys>
  readonly url: string
  readonly roster: Roster
  readonly entries: RosterEntry[]
  readonly invite: RosterInvite
  readonly epochs: EpochRow[]
}

const MAX_PAGES = 10_000

/** Connects and verifies; the caller closes `link`. Throws `usage`, `unreachable`, `not-found`, `expired`, `integrity`. */
export async function openInvited(request: LinkRequest): Promise<Invited> {
  const parsed = parseInviteLink(request.link)
  const keys = deriveInviteKeys(parsed.secret)
  const { host, code, secure } = parsed
  const url = `${secure ? 'wss' : 'ws'}://${host}/ws`
  const link = await dial({
    url,
    webSocket: request.webSocket ?? WebSocket,
    schedule: request.schedule ?? byTimeout,
    hello: ({ nonce, brokerKey }) => {
      const signature = signHello({ nonce, brokerKey, host, mesh: null, key: keys.signer })
      return { type: 'hello', as: 'invite', code, key: keys.signer.publicKey, host, signature }
    },
  })
  try {
    return { link, parsed, keys, url, ...(await fetchChain(link, parsed, keys, request.now)) }
  } catch (error) {
    link.close()
    throw error
  }
}

/** Everything from the genesis on, as it stands now. */
export async function fetchChain(
  link: Link,
  parsed: InviteLink,
  keys: Invited['keys'],
  now: () => number,
): Promise<Pick<Invited, 'roster' | 'entries' | 'invite' | 'epochs'>> {
  const entries: RosterEntry[] = []
  const copies: { epoch: number; copy: Uint8Array }[] = []
  const replay = new PagedReplay(link.welcome.mesh)
  const ask = (from: number) => link.request({ type: 'roster.get', from }, 'roster')
  let next = ask(0)
  for (let page = 0; page < MAX_PAGES; page++) {
    const reply = await next
    const known = entries.length + reply.entries.length
    const more = reply.entries.length > 0 && known <= reply.headSeq
    // The broker reads the next page while this one is replayed and the one before it is verified.
    if (more) next = ask(known)
    next.catch(() => {})
    copies.push(...reply.copies)
    await replay.add(reply.entries, now())
    entries.push(...reply.entries)
    if (!more) break
  }
  const roster = await replay.whole()
  const invite = roster.invites.get(toBase64url(parsed.entryHash))
  if (!invite || !equalBytes(rosterEntryHash(invite.entry), parsed.entryHash))
    throw new MeshError('integrity', 'the roster does not hold the invite of this link')
  if (!equalBytes(invite.entry.body.key, keys.signer.publicKey))
    throw new MeshError('integrity', 'the invite is not that of this link')
  if (!roster.broker || !equalBytes(roster.broker.key, link.challenge.brokerKey))
    throw new MeshError('integrity', 'the roster names another broker key than the one that answers')
  if (!roster.broker.hosts.includes(parsed.host))
    throw new MeshError('integrity', 'the roster does not name the host of this link')
  requireOpenInvite(invite, now())
  return { roster, entries, invite, epochs: epochKeys(roster, invite, copies, keys) }
}

/** The key of the present epoch from the invite's own copy, or from the one a later rekey sealed to it, and all before. */
function epochKeys(
  roster: Roster,
  invite: RosterInvite,
  copies: readonly { epoch: number; copy: Uint8Array }[],
  keys: Invited['keys'],
): EpochRow[] {
  const to = { key: keys.signer.publicKey, secret: keys.agreement }
  const { number, commitment, beganSeq } = roster.epoch
  const copy =
    beganSeq < invite.entry.seq ? invite.entry.body.copy : copies.find(one => one.epoch === number)?.copy
  if (!copy) throw new MeshError('integrity', 'the broker holds back the epoch key of this invite')
  const key = openEpochKey({ number, commitment, copy, to })
  return [{ number, key }, ...predecessors(roster, new Map([[number, key]]))]
}
