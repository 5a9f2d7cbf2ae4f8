/** `attach`: certificate, prekey and presence verified, signed for this very socket; the newest attach of a recipient wins. */
import { certificateHash, prekeyId, verifyAttach, verifyPrekey, verifyPresence } from '@claudemesh/crypto'
import type { AttachOutcome } from '@claudemesh/db'
import {
  type ClientFrameOf,
  encodeBrokerFrame,
  equalBytes,
  MeshError,
  prekeyBundle,
  presenceRecord,
  toBase64url,
} from '@claudemesh/protocol'
import { z } from 'zod'
import type { Broker } from '../../broker.ts'
import { Attachment } from '../../delivery/attachment.ts'
import { endAttachments } from '../../delivery/end-attachments.ts'
import { recipientIndex } from '../../delivery/recipient-index.ts'
import { hookTokenHash, newHookToken } from '../../presence/hook-token.ts'
import { tellPresence } from '../../presence/tell-presence.ts'
import { checkCertificate } from '../../roster/check-certificate.ts'
import type { Connection, Standing } from '../connection.ts'

type Attach = ClientFrameOf<'attach'>
type Refused = Exclude<AttachOutcome, { error: null }>
type Member = Extract<Standing, { is: 'member' }>

export const attachFrame = (
  broker: Broker,
  connection: Connection,
  standing: Member,
  frame: Attach,
): Promise<void> => broker.turnstiles.seat(() => attach(broker, connection, standing, frame))

async function attach(
  broker: Broker,
  connection: Connection,
  standing: Member,
  frame: Attach,
): Promise<void> {
  // Gone while it waited for its turn: nobody is left to be attached.
  if (!connection.open) return
  const { settings, clock, db, node } = broker
  const { mesh } = standing
  const { ref } = frame
  if (broker.draining) throw new MeshError('draining', 'The broker is stopping.', { retryAfterMs: 1000 })
  const now = clock.now()
  checkAttach(broker, connection, standing, frame, now)
  // The member's key is the socket's: all its attachments share the one copy.
  const recipient = { member: standing.key, session: frame.recipient.session }
  const index = recipientIndex(recipient)
  const before = connection.attachments.get(index)
  if (before === undefined && connection.attachments.size >= settings.ATTACHMENTS)
    throw new MeshError('too-large', `At most ${settings.ATTACHMENTS} recipients on a socket.`, {
      field: 'recipient',
    })
  const renew = before?.live ? before.number : undefined
  const hookToken = recipient.session !== null && renew === undefined ? newHookToken() : undefined
  const outcome = await db.attach({
    mesh: mesh.id,
    recipient,
    uuid: frame.certificate?.uuid ?? null,
    certificate: frame.certificate,
    prekey: frame.prekey,
    presence: frame.presence,
    hookTokenHash: hookToken === undefined ? null : hookTokenHash(hookToken),
    node,
    now,
    ...(renew === undefined ? {} : { renew }),
  })
  if (outcome.error !== null) throw refused(outcome)
  const { attachment: number, queuedUpTo, ackedUpTo, fresh } = outcome
  if (fresh)
    take(
      broker,
      connection,
      standing,
      new Attachment({
        mesh: mesh.id,
        recipient,
        index,
        number,
        socket: connection,
        allHeld: broker.window.held,
        acked: ackedUpTo,
        redeliverMs: settings.REDELIVER_MS,
      }),
    )
  connection.sendJson(
    encodeBrokerFrame({
      type: 'attached',
      ref,
      recipient,
      attachment: number,
      queuedUpTo,
      ...(hookToken === undefined ? {} : { hookToken }),
    }),
  )
  broker.window.pump(connection)
  tellPresence(broker, mesh.id, [recipient], connection)
}

function checkAttach(
  broker: Broker,
  { nonce }: Connection,
  { mesh, key, host }: Member,
  frame: Attach,
  now: number,
): void {
  const { recipient, certificate, prekey, presence, signature } = frame
  const { member, session } = recipient
  if (!equalBytes(member, key))
    throw new MeshError('forbidden', 'Only the member of the hello attaches on its socket.', {
      field: 'recipient.member',
    })
  if ((session === null) !== (certificate === null))
    throw new MeshError('bad-field', 'A session attaches with its certificate, the person without.', {
      field: 'certificate',
    })
  if (certificate !== null) checkCertificate(mesh, certificate, recipient, now)
  if (!equalBytes(prekey.member, member) || !sameKey(prekey.session, session))
    throw new MeshError('forbidden', 'The prekey is of another recipient.', { field: 'prekey' })
  verifyPrekey(prekey, { mesh: mesh.id, now })
  if (presence !== null) {
    if (session === null || !equalBytes(presence.member, member) || !equalBytes(presence.session, session))
      throw new MeshError('forbidden', 'The presence is of another session.', { field: 'presence' })
    verifyPresence(presence, { mesh: mesh.id, now })
  }
  const proof = {
    nonce,
    brokerKey: broker.key.publicKey,
    host,
    certificateHash: certificate === null ? null : certificateHash(certificate),
    prekeyId: prekeyId(prekey),
    key: session ?? member,
    signature,
  }
  if (!verifyAttach(proof))
    throw new MeshError(
      'bad-signature',
      'The signature does not stand for this socket, certificate and prekey.',
      { field: 'signature' },
    )
}

const sameKey = (a: Uint8Array | null, b: Uint8Array | null): boolean =>
  a === null || b === null ? a === b : equalBytes(a, b)

/** What refuses it; a counter that went back comes with the record that stands, as JSON. */
function refused({ error, field, standing }: Refused): MeshError {
  const record =
    standing === undefined
      ? undefined
      : 'bundle' in standing
        ? z.encode(prekeyBundle, standing)
        : z.encode(presenceRecord, standing)
  const message =
    error === 'counter' ? 'A newer record of this recipient stands.' : 'This recipient cannot be attached.'
  return new MeshError(error, message, {
    field,
    ...(record === undefined ? {} : { facts: { standing: record } }),
  })
}

/** Puts the attachment in its place; whoever held the recipient before is told. */
function take(broker: Broker, connection: Connection, { mesh }: Member, attachment: Attachment): void {
  const { index, recipient, number } = attachment
  const older = mesh.attachments.get(index)
  connection.attachments.set(index, attachment)
  if (!connection.open) {
    void endAttachments(broker, mesh, [attachment]).catch(cause => broker.log.error('detach.failed', cause))
    return
  }
  if (older !== undefined && older.number > number) {
    attachment.end()
    connection.tellReplaced(recipient, number)
    return
  }
  mesh.attachments.set(index, attachment)
  broker.backplane.tell({ mesh: mesh.id, attached: [{ recipient, attachment: number }] })
  connection.attached.push(attachment)
  if (older === undefined) return
  older.end()
  if (older.socket !== connection) older.socket.tellReplaced(recipient, older.number)
  broker.log.info('replaced', { member: toBase64url(recipient.member), attachment: older.number })
}
