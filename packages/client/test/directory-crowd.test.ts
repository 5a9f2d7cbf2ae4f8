import { generateSigner, rosterEntryHash, signCertificate, signPresence } from '@claudemesh/crypto'
import { makePrekey, sealProfile } from '@claudemesh/crypto/sealing'
import {
  type DirectoryEntry,
  encodeBrokerFrame,
  type PrekeyBundle,
  TIMES,
  toBase64url,
  uuid,
} from '@claudemesh/protocol'
import { expect, test } from 'vitest'
import { deriveRoster } from './roster-of.ts'
import { ScriptedBroker, scriptedMember } from './scripted-broker.ts'
import { text, when } from './world.ts'

const now = Date.now()
const { people, seed, brokerKey } = deriveRoster(2, now)
const { mesh } = seed
const roster = { rosterSeq: 1, rosterHead: seed.entries[2]!.prev! }

/** A session of the second member that is online, and what it is sealed to. */
function seated(number: number): { entry: DirectoryEntry; prekey: PrekeyBundle } {
  const { member } = people[1]!
  const signer = generateSigner()
  const who = { mesh, member: member.publicKey, session: signer.publicKey }
  const life = { notBefore: now, notAfter: now + TIMES.certificateMs }
  const id = uuid.parse(crypto.randomUUID())
  const certificate = signCertificate({ ...who, ...roster, ...life, uuid: id }, member, signer)
  const own = { name: `s${number}`, role: '', groups: [], summary: '', directory: '' }
  const profile = sealProfile({ epochKey: seed.epochs[0]!.key, epoch: 1, ...who, profile: own })
  const told = { counter: now, status: 'idle', source: 'daemon', at: now, epoch: 1, profile } as const
  const presence = signPresence({ ...who, ...roster, ...told }, signer)
  const { prekey } = makePrekey({ mesh, owner: who, n: now, signer })
  return { entry: { certificate, presence, lease: 'online', leaseAt: now, hook: null }, prekey }
}
const session = (number: number): DirectoryEntry => seated(number).entry

const broken = (signature: Uint8Array): Uint8Array => signature.map((byte, i) => (i === 0 ? byte ^ 1 : byte))

/** A member who is shown these pages; `meanwhile` runs when the second was asked for and the first is not taken yet. */
async function shown(pages: readonly DirectoryEntry[][], meanwhile = (_: ScriptedBroker): void => {}) {
  const broker = new ScriptedBroker(seed, brokerKey, () => now)
  const { client, store } = scriptedMember(broker, seed, people[0]!, () => now)
  broker.script = frame => {
    if (frame.type !== 'directory') return undefined
    const page = Number(frame.cursor ?? 0)
    if (page === 1) meanwhile(broker)
    const cursor = page + 1 < pages.length ? String(page + 1) : null
    return { type: 'directory', entries: pages[page] ?? [], cursor }
  }
  client.start()
  await when(client, 'state', () => client.state === 'online')
  const peers = client.peers()
  await client.stop()
  return { peers, store, asked: broker.count('directory') }
}

test('of a crowd those alone are shown who signed certificate and presence; nobody else is lost with a liar', async () => {
  const [first, second] = [0, 20].map(from => Array.from({ length: 20 }, (_, i) => session(from + i))) as [
    DirectoryEntry[],
    DirectoryEntry[],
  ]
  const lie = (page: DirectoryEntry[], at: number, change: Partial<DirectoryEntry>) => {
    page[at] = { ...page[at]!, ...change }
  }
  const { certificate: c3 } = first[3]!
  lie(first, 3, { certificate: { ...c3, memberSignature: broken(c3.memberSignature) } })
  const { certificate: c7 } = first[7]!
  lie(first, 7, { certificate: { ...c7, sessionSignature: broken(c7.sessionSignature) } })
  lie(second, 1, { presence: { ...second[1]!.presence!, status: 'working' } })
  // Signed by itself, and of somebody else.
  lie(second, 5, { presence: second[6]!.presence })
  const { peers, asked } = await shown([first, second])
  const expected = Array.from({ length: 40 }, (_, i) => `s${i}`).filter(
    name => !['s3', 's7', 's21', 's25'].includes(name),
  )
  expect(peers.map(({ profile }) => profile?.name).sort()).toEqual(expected.sort())
  expect(asked).toBe(2)
})

test('a certificate that is known is still told from one that is changed', async () => {
  const page = Array.from({ length: 20 }, (_, i) => session(i))
  const { certificate } = page[4]!
  const changed = page.with(4, {
    ...page[4]!,
    certificate: { ...certificate, memberSignature: broken(certificate.memberSignature) },
  })
  // The same sessions again: one of them under a signature that nobody made.
  const { peers, store } = await shown([page, changed])
  expect(peers).toHaveLength(20)
  const kept = store.directory.all().find(({ entry }) => entry.includes(toBase64url(certificate.session)))
  expect(kept?.entry).toContain(toBase64url(certificate.memberSignature))
})

test('what is told of somebody while the page is verified that shows them otherwise stands', async () => {
  const pages = [20, 0].map(count => Array.from({ length: count }, (_, i) => session(i)))
  const gone = pages[0]![5]!
  const entry: DirectoryEntry = { ...gone, lease: 'offline', leaseAt: now + 1 }
  const { peers } = await shown(pages, broker => broker.push(encodeBrokerFrame({ type: 'presence', entry })))
  const leases = peers.map(({ profile, lease }) => [profile?.name, lease])
  expect(leases).toHaveLength(20)
  expect(leases.filter(([, lease]) => lease !== 'online')).toEqual([['s5', 'offline']])
})

test('of a crowd each is sealed to alone whose prekey is signed; of the others nobody waits', async () => {
  const crowd = Array.from({ length: 20 }, (_, i) => seated(i))
  const liar = crowd[9]!
  liar.prekey = { ...liar.prekey, signature: broken(liar.prekey.signature) }
  const broker = new ScriptedBroker(seed, brokerKey, () => now)
  const { client } = scriptedMember(broker, seed, people[0]!, () => now)
  broker.script = frame => {
    if (frame.type === 'directory')
      return { type: 'directory', entries: crowd.map(({ entry }) => entry), cursor: null }
    if (frame.type !== 'prekeys.get' || frame.recipients.length < 20) return undefined
    const bundles = crowd.map(({ entry: { certificate, lease }, prekey }) => {
      const { member, session } = certificate
      return { recipient: { member, session }, certificate, prekey, lease }
    })
    return { type: 'prekeys', bundles }
  }
  client.start()
  await when(client, 'state', () => client.state === 'online')
  const everybody = client.peers().map(({ recipient }) => recipient)
  const msg = await client.send(text(null, everybody, 'hello'))
  const states = () => client.outboxMessage(msg)!.recipients
  await when(client, 'outbox', () => states().some(({ why }) => why !== null))
  expect(states().filter(({ state }) => state === 'sealed')).toHaveLength(19)
  expect(states().filter(({ state }) => state === 'pending')).toEqual([
    expect.objectContaining({
      to: { member: liar.entry.certificate.member, session: liar.entry.certificate.session },
      why: 'no-keys',
    }),
  ])
  await client.stop()
})

test('a client knows who is there when it was shown all pages, and knows it after a restart; that more follow is told at the first', async () => {
  const pages = [0, 20].map(from => Array.from({ length: 20 }, (_, i) => session(from + i)))
  const broker = new ScriptedBroker(seed, brokerKey, () => now)
  const { client, store } = scriptedMember(broker, seed, people[0]!, () => now)
  broker.script = frame =>
    frame.type === 'directory'
      ? { type: 'directory', entries: pages[Number(frame.cursor ?? 0)]!, cursor: frame.cursor ? null : '1' }
      : undefined
  const seen: [isLast: boolean, shown: number, knows: boolean][] = []
  client.on('directory', ({ isLast }) => seen.push([isLast, client.peers().length, client.knowsPeers]))
  client.start()
  await when(client, 'state', () => client.state === 'online')
  expect(seen).toEqual([
    [false, 0, false],
    [true, 20, false],
  ])
  expect(client.knowsPeers).toBe(true)
  await client.stop()
  const again = scriptedMember(broker, seed, people[0]!, () => now, store)
  expect(again.client.knowsPeers).toBe(true)
})

/** A member whose roster lacks the second one's join, told of a session of theirs; `learn` brings the roster up to date. */
async function toldEarly() {
  const before = { ...seed, entries: seed.entries.slice(0, -1) }
  const broker = new ScriptedBroker(before, brokerKey, () => now)
  const { client, ring } = scriptedMember(broker, before, people[0]!, () => now)
  const entry = session(0)
  client.start()
  await when(client, 'state', () => client.state === 'online')
  broker.push({ type: 'presence', entry })
  expect(client.peers()).toEqual([])
  const headSeq = seed.entries.length - 1
  const head = rosterEntryHash(seed.entries[headSeq]!)
  const learn = async () => {
    broker.script = frame =>
      frame.type === 'roster.get'
        ? { type: 'roster', entries: seed.entries.slice(frame.from), head, headSeq, copies: [] }
        : undefined
    broker.push({ type: 'roster.changed', seq: headSeq, head })
    await when(client, 'roster', () => client.members().length === 2)
  }
  return { broker, client, ring, entry, learn }
}

test('who is told of before they are known to have joined is shown as soon as they are', async () => {
  const { client, entry, learn } = await toldEarly()
  await learn()
  expect(client.peers()).toMatchObject([{ uuid: entry.certificate.uuid, lease: 'online' }])
  await client.stop()
})

test('what was told too early on a connection that is lost is not shown on the next one', async () => {
  const { broker, client, ring, learn } = await toldEarly()
  broker.drop()
  await when(client, 'state', () => client.state === 'offline')
  await ring(0)
  await when(client, 'state', () => client.state === 'online')
  await learn()
  expect(client.peers()).toEqual([])
  await client.stop()
})
