/** Of the daemon's local API: how much of others the sessions of this machine take. SPEC section 7.1 says what each bounds. */
import { z } from 'zod'

const from = (least: number, most: number) => z.int().min(least).max(most)

const noiseLimits = z.strictObject({
  /** Turns of agents without a person in between; a message that says more is refused. */
  hops: from(1, 255),
  /** Unread messages of a mailbox, in all and of one member; what is above is refused. */
  inbox: from(1, 1_000_000),
  inboxMember: from(1, 1_000_000),
  /** Messages of one sender that one session is handed at once, and in a minute when that is used up; the rest is held. */
  pairBurst: from(1, 10_000),
  pairMinute: from(1, 60_000),
  /** The same within one thread of that sender. */
  threadBurst: from(1, 10_000),
  threadMinute: from(1, 60_000),
  /** Short messages of ever the same between two sessions that make a loop. */
  loop: from(4, 1_000),
})
export type NoiseLimits = z.output<typeof noiseLimits>

export const USUAL_LIMITS: NoiseLimits = {
  hops: 16,
  inbox: 5_000,
  inboxMember: 1_000,
  pairBurst: 60,
  pairMinute: 30,
  threadBurst: 30,
  threadMinute: 15,
  loop: 12,
}

/** What is not named stays as it is. */
export const setNoiseLimits = noiseLimits.partial()
export type SetNoiseLimits = z.output<typeof setNoiseLimits>
export const noiseLimitsReply = z.object({ mesh: z.string(), limits: noiseLimits })
