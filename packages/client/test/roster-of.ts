/** A roster of some members, made without a broker. */
import {
  generateSigner,
  openRoster,
  rosterEntryHash,
  type Signer,
  signJoin,
  signRosterEntry,
} from '@claudemesh/crypto'
import {
  deriveInviteKeys,
  epochCommitment,
  generateAgreement,
  newEpochKey,
  sealEpochKey,
  sealName,
} from '@claudemesh/crypto/sealing'
import type { RosterEntry } from '@claudemesh/protocol'
import type { MeshSeed } from '../src/index.ts'

const random = (size: number): Uint8Array => crypto.getRandomValues(new Uint8Array(size))

export function deriveRoster(count: number, now: number) {
  const people = Array.from({ length: count }, () => ({
    member: generateSigner(),
    agreement: generateAgreement(),
  }))
  const [founder, ...others] = people as [(typeof people)[number], ...typeof people]
  const brokerKey: Signer = generateSigner()
  const epochKey = newEpochKey()
  const author = founder.member.publicKey
  const name = (text: string, mesh: Uint8Array | null, by: Uint8Array, what: 'mesh' | 'member') =>
    sealName({ name: text, epochKey, epoch: 1, mesh, author: by, what })
  const genesis = signRosterEntry(
    {
      mesh: null,
      seq: 0,
      prev: null,
      at: now,
      author,
      kind: 'genesis',
      body: {
        random: random(32),
        bundle: founder.agreement.bundle,
        meshName: name('Mesh', null, author, 'mesh'),
        name: name('member 0', null, author, 'member'),
        commitment: epochCommitment(1, epochKey),
      },
    },
    founder.member,
  )
  const { mesh } = openRoster(genesis)
  const entries: RosterEntry[] = [genesis]
  const place = () => ({ mesh, seq: entries.length, prev: rosterEntryHash(entries.at(-1)!), at: now })
  const broker = { hosts: ['localhost'], key: brokerKey.publicKey, log: null }
  entries.push(signRosterEntry({ ...place(), author, kind: 'broker', body: broker }, founder.member))
  const keys = deriveInviteKeys(random(32))
  const to = { key: keys.signer.publicKey, bundle: keys.bundle }
  const copy = sealEpochKey({ number: 1, key: epochKey, to })
  const terms = { code: random(16), role: 'member' as const, uses: 100, expiresAt: now + 60_000, copy }
  const invite = signRosterEntry(
    { ...place(), author, kind: 'invite', body: { ...to, ...terms } },
    founder.member,
  )
  entries.push(invite)
  for (const [i, { member, agreement }] of others.entries()) {
    const sealed = name(`member ${i + 1}`, mesh, member.publicKey, 'member')
    const body = { invite: rosterEntryHash(invite), bundle: agreement.bundle, name: sealed }
    entries.push(signJoin({ ...place(), author: member.publicKey, kind: 'join', body }, member, keys.signer))
  }
  const seed: MeshSeed = {
    mesh,
    entries,
    epochs: [{ number: 1, key: epochKey }],
    host: 'localhost',
    url: 'ws://localhost/ws',
  }
  return { people, seed, brokerKey }
}
