/** The line in which this outbox counts its messages: 16 random bytes, others after its state was set back. */
import { toBase64url } from '@claudemesh/protocol'
import type { ClientStore } from '../store.ts'

const SETTING = 'line'

/** base64url; made with the first message. */
export const lineOf = (store: ClientStore): string => store.settings.get(SETTING) ?? beginLine(store)

/** What is written from now on counts from 1 again, under a new line. */
export function beginLine(store: ClientStore): string {
  const line = toBase64url(crypto.getRandomValues(new Uint8Array(16)))
  store.settings.set(SETTING, line)
  return line
}
