/** The sessions of a large mesh: real certificates, prekeys and profiles, one socket a member; what they get, they acknowledge. */
import { generateSigner, type Signer, signCertificate, signPresence } from '@claudemesh/crypto'
import { makePrekey, sealProfile } from '@claudemesh/crypto/sealing'
import { decodeFrame, encodeFrame, TIMES, uuid } from '@claudemesh/protocol'
import type { LargeMesh } from './large-history.ts'
import { LightClient, type Papers } from './light-client.ts'

/** Attaches `sessions` sessions, equally many of each member. */
export async function largeCrowd(large: LargeMesh, sessions: number): Promise<void> {
  const each = sessions / large.members.length
  for (const [number, member] of large.members.entries()) {
    const client = await LightClient.dial(large.host)
    client.onFrame = frame => acknowledge(client, frame)
    await client.hello(large.mesh, member)
    for (let n = 0; n < each; n++) await client.attach(papersOf(large, member, `session-${number}-${n}`))
  }
}

function acknowledge(client: LightClient, bytes: Uint8Array): void {
  const frame = decodeFrame(bytes)
  if (frame.type !== 'deliver') return
  const { recipient, attachment, deliveries } = frame
  const acks = [{ recipient, attachment, upTo: deliveries.at(-1)!.seq }]
  client.send(encodeFrame({ type: 'ack', ref: 0, acks }))
}

function papersOf(large: LargeMesh, member: Signer, name: string): Papers {
  const { mesh, epochKey, rosterSeq, rosterHead } = large
  const signer = generateSigner()
  const now = Date.now()
  const recipient = { member: member.publicKey, session: signer.publicKey }
  const base = { mesh, ...recipient, rosterSeq, rosterHead }
  const life = { notBefore: now, notAfter: now + TIMES.certificateMs }
  const certificate = signCertificate(
    { ...base, uuid: uuid.parse(crypto.randomUUID()), ...life },
    member,
    signer,
  )
  const { prekey } = makePrekey({ mesh, owner: recipient, n: now, signer })
  const profile = {
    name,
    role: 'engineer',
    groups: ['backend'],
    summary: `works on ${name}`,
    directory: `/home/dev/${name}`,
  }
  const sealed = sealProfile({ epochKey, epoch: 1, mesh, ...recipient, profile })
  const told = { counter: now, status: 'idle', source: 'daemon', at: now, epoch: 1, profile: sealed } as const
  return { recipient, certificate, prekey, presence: signPresence({ ...base, ...told }, signer), signer }
}
