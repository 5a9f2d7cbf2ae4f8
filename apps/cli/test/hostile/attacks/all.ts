/** The one table of attacks: every one is run, and every one stands in docs/attacks.md. */
import type { Attack } from '../stage.ts'
import { ALIAS_ATTACKS } from './alias.ts'
import { DENIAL_ATTACKS } from './denial.ts'
import { ENVELOPE_ATTACKS } from './envelope.ts'
import { FREEZING_ATTACKS } from './freezing.ts'
import { INVITE_ATTACKS } from './invite.ts'
import { KEY_ATTACKS } from './keys.ts'
import { LOG_ATTACKS } from './log.ts'
import { MEMBER_ATTACKS } from './member.ts'
import { ORDER_ATTACKS } from './order.ts'
import { OUTCOME_ATTACKS } from './outcome.ts'
import { PRESENCE_ATTACKS } from './presence.ts'
import { ROSTER_ATTACKS } from './roster.ts'

export interface AttackGroup {
  readonly title: string
  /** What `seen` shows in this group. */
  readonly seen: string
  readonly attacks: readonly Attack[]
}

export const ATTACKS: readonly AttackGroup[] = [
  {
    title: 'Envelopes changed on their way',
    seen: 'the step of SPEC 5.5 that refuses, what the recipient then reads, and what its sender is told',
    attacks: ENVELOPE_ATTACKS,
  },
  {
    title: 'Mail repeated, shuffled, held back',
    seen: 'what the recipient reads, with its warnings; what the sender is told',
    attacks: ORDER_ATTACKS,
  },
  {
    title: 'Receipts and facts made up',
    seen: 'what the log says of it, and the state that the message keeps',
    attacks: OUTCOME_ATTACKS,
  },
  {
    title: 'Keys, prekeys and certificates swapped',
    seen: 'why they are refused, what the message waits for, and how many envelopes were sealed',
    attacks: KEY_ATTACKS,
  },
  {
    title: 'Presence and profiles',
    seen: 'why it is refused, and what peers are shown',
    attacks: PRESENCE_ATTACKS,
  },
  {
    title: 'Sessions that claim the past of others',
    seen: 'why an alias is refused, and whom the UUID means to who writes to it',
    attacks: ALIAS_ATTACKS,
  },
  {
    title: 'Rosters that nobody wrote',
    seen: 'how the victim stands, that it kept the roster it had, and the state of a message it then writes',
    attacks: ROSTER_ATTACKS,
  },
  {
    title: 'Rosters that stand still or go two ways',
    seen: 'what is told, and what becomes of messages',
    attacks: FREEZING_ATTACKS,
  },
  {
    title: 'Audit logs cut, changed, or shown in two forms',
    seen: 'how the victim stands, and the state of a message it then writes',
    attacks: LOG_ATTACKS,
  },
  { title: 'Invites', seen: 'what whoever follows the link is told', attacks: INVITE_ATTACKS },
  {
    title: 'Members who lie, with the broker on their side',
    seen: 'the step that refuses, or what the victim then sees',
    attacks: MEMBER_ATTACKS,
  },
  {
    title: 'Denial, told as what it is',
    seen: 'how the victim stands and what it says of it',
    attacks: DENIAL_ATTACKS,
  },
]

/** docs/attacks.md as it must be. */
export function attackTable(): string {
  const count = ATTACKS.reduce((sum, { attacks }) => sum + attacks.length, 0)
  const cell = (text: string) => text.replaceAll('|', '\\|')
  const row = ({ name, seen }: Attack) =>
    `| ${cell(name)} | ${
      [seen]
        .flat()
        .map(one => `\`${cell(one)}\``)
        .join(' · ') || 'nothing'
    } |`
  const groups = ATTACKS.map(
    ({ title, seen, attacks }) =>
      `## ${title}\n\n| attack | seen: ${seen} |\n|---|---|\n${attacks.map(row).join('\n')}\n`,
  )
  return `# ${count} attacks, and what is seen of each

Written by \`bun apps/cli/test/hostile/write-attacks.ts\` from the table that \`apps/cli/test/hostile/lying-broker.test.ts\` runs: a real
broker behind a relay that holds the broker's key and lies, and members who use their keys by hand, against real clients on
real stores. After each it is also checked that no made-up word was shown to anybody, and that nothing was sealed to a key that is
not its recipient's. Who the attackers are, and what is not promised, is in [threat-model.md](threat-model.md).

${groups.join('\n')}`
}
