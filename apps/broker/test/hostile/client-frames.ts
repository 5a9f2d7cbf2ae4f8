/** One sound frame of every type and kind a client may send, for a socket that has said hello. */
import type { ClientFrame, RosterEntry } from '@claudemesh/protocol'
import {
  newInvite,
  newJoin,
  newMember,
  newSession,
  next,
  prekeyOf,
  presenceOf,
  randomBytes,
  type TestMember,
  type TestMesh,
  type TestSession,
} from '../test-member.ts'
import type { TestSocket } from '../test-socket.ts'

export interface Speaker {
  readonly socket: TestSocket
  readonly mesh: TestMesh
  readonly member: TestMember
  readonly session: TestSession
}

/** Frames by a name that tells type and kind apart. What it would change at the broker is signed by nobody. */
export function clientFrames({ socket, mesh, member, session }: Speaker): Record<string, ClientFrame> {
  const { recipient, signer } = session
  const key = member.signer.publicKey
  const { host } = socket
  const proof = { key, host, signature: randomBytes(64) }
  const frames: Record<string, object> = {
    'hello member': { type: 'hello', as: 'member', mesh: mesh.id, ...proof },
    'hello invite': { type: 'hello', as: 'invite', code: randomBytes(16), ...proof },
    'hello create': {
      type: 'hello',
      as: 'create',
      mesh: mesh.id,
      ...proof,
      entries: mesh.entries.slice(0, 2),
      token: 'token',
    },
    attach: socket.attachFrame(mesh, session),
    detach: { type: 'detach', recipient: newSession(member).recipient },
    presence: { type: 'presence', record: presenceOf(mesh, session), certificate: null },
    directory: { type: 'directory', cursor: 'AAAA' },
    'prekeys.get': { type: 'prekeys.get', recipients: [recipient] },
    'prekeys.put': { type: 'prekeys.put', prekey: prekeyOf(mesh, recipient, signer) },
    'roster.get': { type: 'roster.get', from: 0 },
    'audit.proof': { type: 'audit.proof', index: 0, size: 1 },
    'audit.get': { type: 'audit.get', from: 0, size: 1 },
    ping: { type: 'ping', time: 1 },
  }
  const copies = [{ to: key, copy: randomBytes(1200) }]
  frames['roster.copies'] = { type: 'roster.copies', copies }
  const restored = entriesOf(mesh, member).slice(0, 1)
  frames['roster.restore'] = { type: 'roster.restore', entries: restored, checkpoint: 'note' }
  for (const entry of entriesOf(mesh, member))
    frames[`roster.append ${entry.kind}`] = { type: 'roster.append', entry, copies }
  return frames as Record<string, ClientFrame>
}

/** An entry of every kind but `genesis`, behind the head. */
function entriesOf(mesh: TestMesh, { signer }: TestMember): RosterEntry[] {
  const common = { ...next(mesh, Date.now()), author: signer.publicKey, signatures: [randomBytes(64)] }
  const epoch = { number: 2, commitment: randomBytes(32), root: randomBytes(32), previous: randomBytes(72) }
  const invite = newInvite(mesh).entry.body
  const { body: joined } = newJoin(mesh, newInvite(mesh), newMember())
  const hash = randomBytes(32)
  return [
    { kind: 'broker', body: { hosts: ['127.0.0.1:1'], key: hash, log: { old: '', now: '' } } },
    { kind: 'invite', body: invite },
    { kind: 'invite-revoke', body: { invite: hash } },
    { kind: 'join', body: joined, signatures: [randomBytes(64), randomBytes(64)] },
    { kind: 'rename', body: { name: randomBytes(298) } },
    { kind: 'mesh-rename', body: { name: randomBytes(298) } },
    { kind: 'pause', body: { delivery: 'held' } },
    { kind: 'role', body: { member: hash, role: 'viewer' } },
    { kind: 'rekey', body: { epoch } },
    { kind: 'remove', body: { member: hash, epoch } },
  ].map(entry => ({ ...common, ...entry }) as RosterEntry)
}
