/** What was sent, as it is told: every recipient with the state that is known for it and why it is not further. */
import type { OutboxMessage as ClientMessage, OutboxState } from '@claudemesh/client'
import { parseAs, textPayload, toBase64url } from '@claudemesh/protocol'
import type { OutboxMessage, SendReply, SendState } from '../api/schema.ts'
import { labeller, type Who } from './labels.ts'
import type { OpenMesh } from './meshes.ts'
import { standings } from './verification.ts'

/** `sealed` is still on this machine. */
const sendStateOf = (state: OutboxState): SendState => (state === 'sealed' ? 'pending' : state)

export function showRecipients(
  mesh: OpenMesh,
  recipients: ClientMessage['recipients'],
  who: Who,
): SendReply['recipients'] {
  const label = labeller(who)
  const standing = standings(who)
  return recipients.map(({ to, state, why }) => ({
    to: label(to),
    session: to.session && toBase64url(to.session),
    state: sendStateOf(state),
    why: why ?? (sendStateOf(state) === 'pending' ? whyPending(mesh) : null),
    ...standing(to.member),
  }))
}

export function showOutboxMessage(mesh: OpenMesh, message: ClientMessage, who: Who): OutboxMessage {
  const { msg, payload, composedAt, endsAt, dead } = message
  return {
    id: msg,
    mesh: mesh.client.view().name,
    text: parseAs(textPayload, payload).data?.text ?? '',
    composedAt,
    endsAt,
    dead,
    recipients: showRecipients(mesh, message.recipients, who),
  }
}

/** Why nothing leaves this machine now; `null` where nothing is in the way. */
export function whyPending({ client }: OpenMesh): string | null {
  if (client.state === 'online') return null
  if (client.why) return client.why.message
  return client.state === 'connecting' ? 'connecting to the broker' : 'the broker does not answer'
}
