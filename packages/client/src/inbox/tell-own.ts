/** What this machine itself says to one of its sessions: a row of its mailbox like a message, but nobody's, and never answered. */
import { recipientKey, uuidText, uuidv7 } from '@claudemesh/crypto'
import { type Recipient, TIMES, toBase64url } from '@claudemesh/protocol'
import type { Core } from '../core.ts'
import { nextNumber } from '../counter.ts'
import { PERSON, uuidOf } from '../session/party.ts'
import type { InboxRow, Owner } from '../store.ts'
import { inboxMessage } from './store-message.ts'

/** One recipient of one message that was sent from here. */
export interface Sent {
  readonly msg: string
  readonly to: Recipient
}

/** No envelope has an empty line: only rows written here have. */
export const isOwnWord = ({ line }: Pick<InboxRow, 'line'>): boolean => line === ''

/** Says `text` to the session; what it is `about` counts as told. */
export function tellOwn(core: Core, owner: Owner, text: string, about: readonly Sent[]): void {
  const at = core.now()
  const msg = uuidText(uuidv7(at))
  core.commit.run(() => {
    const row: InboxRow & { payload: string } = {
      owner,
      from: `${toBase64url(core.identity.member.publicKey)}/${PERSON}`,
      msg,
      id: msg,
      line: '',
      pairSeq: 0,
      kind: 'note',
      payload: JSON.stringify({ text, replyTo: null, threadId: null }),
      priority: 'next',
      composedAt: at,
      sentAt: at,
      receivedAt: at,
      state: 'unread',
      position: nextNumber(core.store, `position/${owner}`),
      late: false,
      gap: false,
      receipt: 'delivered',
      receiptWhy: '',
      forgetAt: at + TIMES.rememberMs,
    }
    core.store.inbox.insert(row)
    markTold(core, about)
    core.commit.after('inbox', { uuid: uuidOf(owner), messages: [inboxMessage(row)] })
  })
}

const TOLD = 'told'

/** The session that sent it knows how this ended: it is not told again. */
export function markTold(core: Core, about: readonly Sent[]): void {
  const at = core.now()
  core.store.trace.add(
    about.map(({ msg, to }) => ({
      msg,
      at,
      state: TOLD,
      by: 'me',
      to: recipientKey(to),
      why: null,
      verified: true,
    })),
  )
}

/** Recipients (by key) of whom the session that sent the message was told. */
export const toldOf = ({ store }: Core, msg: string): Set<string> =>
  new Set(store.trace.of(msg).flatMap(({ state, to }) => (state === TOLD && to !== null ? [to] : [])))
